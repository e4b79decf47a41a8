namespace Ote.Kube.Server.Store;

/// <summary>The statements that change the log. All run on the writer's session, inside its transaction.</summary>
internal static class LogWriter
{
    private const string Current = "SELECT id FROM log WHERE resource=$1 AND ns=$2 AND name=$3 AND until IS NULL";
    private const string Supersede = "UPDATE log SET until=$1 WHERE id=$2";
    private const string Append = "INSERT INTO log (id, until, prev, op, resource, ns, name, value, sum) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    private const string Disown = "DELETE FROM owned WHERE resource=$1 AND ns=$2 AND name=$3";
    private const string Own = "INSERT INTO owned (owner, resource, ns, name) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING";

    // A row leaves with the row that replaced it: then the predecessor of every change that is kept is kept too.
    private const string CompactReplaced = "DELETE FROM log WHERE id IN (SELECT prev FROM log WHERE id>$1 AND id<=$2 AND prev>0)";
    private const string CompactDeleted = "DELETE FROM log WHERE id>$1 AND id<=$2 AND op=2";
    private const string Installed = "INSERT INTO meta VALUES ('installed', $1) ON CONFLICT (key) DO UPDATE SET value=$1";
    private const string Mark = "UPDATE meta SET value=$1 WHERE key='compacted'";

    private const string Prove = "INSERT INTO meta VALUES ('proved', 1) ON CONFLICT (key) DO UPDATE SET value=value+1";

    /// <summary>Changes something that nobody reads: whether it can be committed says whether the disk takes writes.</summary>
    public static void Try(Session session) => session.Prepare(Prove).ExecuteNonQuery();

    /// <summary>Keeps what the definitions were installed from.</summary>
    public static void NoteInstalled(Session session, long mark) => session.Prepare(Installed, mark).ExecuteNonQuery();

    /// <summary>Appends a row at <paramref name="revision"/> if the key is where the write expects it.</summary>
    public static (WriteResult Result, Change? Change) Apply(Session session, StoreWrite write, long revision)
    {
        var key = write.Key;
        var current = session.Scalar(Current, key.Resource, key.Namespace, key.Name);
        if (current != write.Expected)
        {
            return (new WriteResult(WriteOutcome.Conflict, current, []), null);
        }

        if (current > 0)
        {
            session.Prepare(Supersede, revision, current).ExecuteNonQuery();
        }

        var kind = write.Delete ? ChangeKind.Deleted : current == 0 ? ChangeKind.Added : ChangeKind.Modified;
        var json = write.Value.At(revision);
        session.Prepare(
            Append, revision, write.Delete ? revision : DBNull.Value, current, (int)kind, key.Resource, key.Namespace, key.Name, json,
            RowSum.Of(revision, key, json)).ExecuteNonQuery();
        if (write.Owners is { } owners)
        {
            session.Prepare(Disown, key.Resource, key.Namespace, key.Name).ExecuteNonQuery();
            foreach (var owner in owners)
            {
                session.Prepare(Own, owner, key.Resource, key.Namespace, key.Name).ExecuteNonQuery();
            }
        }

        return (new WriteResult(WriteOutcome.Committed, revision, json), new Change(revision, kind, key, json, write.Previous));
    }

    /// <summary>Removes what was replaced or deleted in (<paramref name="from"/>, <paramref name="to"/>].</summary>
    public static void Compact(Session session, long from, long to)
    {
        session.Prepare(CompactReplaced, from, to).ExecuteNonQuery();
        session.Prepare(CompactDeleted, from, to).ExecuteNonQuery();
        session.Prepare(Mark, to).ExecuteNonQuery();
    }
}
