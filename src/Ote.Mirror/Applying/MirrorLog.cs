using Ote.Kube.Server.Store;

namespace Ote.Mirror.Applying;

/// <summary>Reads what changed, for watches that go on from a revision: what clusters told, and that they went away or came back.</summary>
internal sealed class MirrorLog(StaleClusters stale)
{
    private const int Few = 16;

    /// <summary>A piece of the changes of a kind in (after, upTo], oldest first.</summary>
    /// <exception cref="RevisionExpiredException">Some of them are no longer kept.</exception>
    public Piece<Change> Changes(Session session, (string Resource, long After, long UpTo, int Limit) asked) => session.InOneMoment(asked, (s, q) =>
    {
        var forgotten = s.Scalar("SELECT value FROM meta WHERE key='forgotten'");
        if (q.After < forgotten)
        {
            throw new RevisionExpiredException(q.After, forgotten);
        }

        var kind = s.Scalar("SELECT id FROM kinds WHERE stream=$1", MirrorStore.StreamOf(q.Resource));
        var draft = new Draft(q.Limit);
        var after = q.After;
        while (after < q.UpTo && !draft.IsFull)
        {
            // Revisions of turns are nothing else's: told changes and turns come by sections.
            var turn = NextTurn(s, after);
            var told = turn is { } next && next.Start < q.UpTo ? next.Start : q.UpTo;
            if (after < told)
            {
                ReadTold(s, kind, q.Resource, after, told, draft);
            }
            else
            {
                ReadTurned(s, kind, q.Resource, turn!.Value, after, q.UpTo, draft);
                told = turn.Value.Start + turn.Value.Span;
            }

            after = told;
        }

        return new Piece<Change>(draft.Rows, draft.IsFull);
    });

    /// <summary>The first turn that is not over at a revision; of several clusters at once, as one.</summary>
    private static (long Start, long Span)? NextTurn(Session session, long after)
    {
        using var reader = session.Prepare("SELECT start, span FROM turns WHERE start+span>$1 ORDER BY start LIMIT 1", after).ExecuteReader();
        return reader.Read() ? (reader.GetInt64(0), reader.GetInt64(1)) : null;
    }

    private void ReadTold(Session session, long kind, string resource, long after, long upTo, Draft draft)
    {
        // What is there since a revision, what was there from one to another, and what went at one. What was is as it was told; what is is as it is shown now.
        using var reader = session.Prepare(
            """
            SELECT revision, 0, ns, shown, value, cluster FROM objects WHERE kind=$1 AND revision>$2 AND revision<=$3
            UNION ALL SELECT began, 0, ns, shown, value, 0 FROM history WHERE kind=$1 AND began>$2 AND began<=$3
            UNION ALL SELECT ended, 1, ns, shown, value, 0 FROM history WHERE kind=$1 AND gone=1 AND ended>$2 AND ended<=$3
            ORDER BY 1 LIMIT $4+0
            """,
            kind, after, upTo, draft.Room).ExecuteReader();
        while (!draft.IsFull && reader.Read())
        {
            var (revision, gone, key, json) = (reader.GetInt64(0), reader.GetInt64(1) != 0, new StoreKey(resource, reader.GetString(2), reader.GetString(3)), PackedValue.Unpack((byte[])reader[4]));
            var before = gone ? json : Before(session, kind, key, revision);
            draft.Add(new Change(
                revision, gone ? ChangeKind.Deleted : before is null ? ChangeKind.Added : ChangeKind.Modified, key,
                gone ? MirroredObject.AtRevision(json, revision) : stale.Mark(reader.GetInt64(5), json), before));
        }
    }

    /// <summary>Objects that clusters turned with, and that were not told of since.</summary>
    private void ReadTurned(Session session, long kind, string resource, (long Start, long Span) turn, long after, long upTo, Draft draft)
    {
        // Of few clusters their objects are found and sorted for each page; of all of them, as at a start, the table is walked.
        var few = session.Scalar("SELECT count(*) FROM turns WHERE start=$1", turn.Start) <= Few;
        using var reader = session.Prepare(
            few
                ? """
                    SELECT o.id, o.ns, o.shown, o.value, o.cluster FROM (
                        SELECT b.id AS id FROM turns t CROSS JOIN objects b INDEXED BY by_cluster ON b.kind=$1 AND b.cluster=t.cluster
                        WHERE t.start=$2 AND b.id>$3 AND b.id<=$4 ORDER BY b.id) k
                    CROSS JOIN objects o ON o.id=k.id WHERE o.revision<=$2 ORDER BY k.id LIMIT $5+0
                    """
                : """
                    SELECT o.id, o.ns, o.shown, o.value, o.cluster FROM objects o NOT INDEXED
                    WHERE o.id>$3 AND o.id<=$4 AND o.kind=$1 AND o.revision<=$2 AND o.cluster IN (SELECT cluster FROM turns WHERE start=$2) ORDER BY o.id LIMIT $5+0
                    """,
            kind, turn.Start, after - turn.Start, Math.Min(turn.Span, upTo - turn.Start), draft.Room).ExecuteReader();
        while (!draft.IsFull && reader.Read())
        {
            var (revision, json) = (turn.Start + reader.GetInt64(0), stale.Mark(reader.GetInt64(4), PackedValue.Unpack((byte[])reader[3])));
            draft.Add(new Change(revision, ChangeKind.Modified, new StoreKey(resource, reader.GetString(1), reader.GetString(2)), MirroredObject.AtRevision(json, revision), json));
        }
    }

    /// <summary>The state that a revision took the place of; null when there was none.</summary>
    private static byte[]? Before(Session session, long kind, StoreKey key, long revision)
    {
        using var reader = session.Prepare("SELECT value FROM history WHERE ended=$1 AND kind=$2 AND ns=$3 AND shown=$4 AND gone=0", revision, kind, key.Namespace, key.Name).ExecuteReader();
        return reader.Read() ? PackedValue.Unpack((byte[])reader[0]) : null;
    }

    /// <summary>A piece that is being filled.</summary>
    private sealed class Draft(int limit)
    {
        private long _bytes;

        public List<Change> Rows { get; } = [];

        public int Room => limit - Rows.Count;

        public bool IsFull => Rows.Count >= limit || _bytes >= Piece<Change>.MostBytes;

        public void Add(Change change)
        {
            Rows.Add(change);
            _bytes += change.Json.Length;
        }
    }
}
