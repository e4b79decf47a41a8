namespace Ote.Kube.Server.Store;

/// <summary>
/// Reads objects as they stood at one revision: those that are current still, and those replaced since, by namespace and name. The former
/// come from the index in this order, one at a time; of the latter, which are few, the keys are sorted and the values read when it is their turn,
/// so that no value passes through a sorter.
/// </summary>
internal static class PageReader
{
    private const string Last = "SELECT max(id) FROM log";

    private const string Current = """
        SELECT id, ns, name, value, sum FROM log
        WHERE resource=$1 AND (ns, name)>($2, $3) AND id<=$4 AND until IS NULL ORDER BY ns, name LIMIT $5+0
        """;

    private const string CurrentOfNamespace = """
        SELECT id, ns, name, value, sum FROM log
        WHERE resource=$1 AND ns=$2 AND name>$3 AND id<=$4 AND until IS NULL ORDER BY name LIMIT $5+0
        """;

    // The predecessors of the rows beyond the revision.
    private const string Replaced = """
        SELECT p.id, p.ns, p.name FROM log c CROSS JOIN log p ON p.id=c.prev
        WHERE c.id>$4 AND p.id<=$4 AND p.resource=$1 AND (p.ns, p.name)>($2, $3) ORDER BY p.ns, p.name LIMIT $5+0
        """;

    private const string ReplacedOfNamespace = """
        SELECT p.id, p.ns, p.name FROM log c CROSS JOIN log p ON p.id=c.prev
        WHERE c.id>$4 AND p.id<=$4 AND p.resource=$1 AND p.ns=$2 AND p.name>$3 ORDER BY p.name LIMIT $5+0
        """;

    private const string ById = "SELECT value, sum FROM log WHERE id=$1";

    /// <summary>A piece of the objects. Whether the revision was compacted is for the caller to see, afterwards.</summary>
    public static Piece<StoredObject> List(Session session, PageQuery query) => session.InOneMoment(query, static (s, q) =>
    {
        var replaced = s.Scalar(Last) > q.Revision ? ReplacedIn(s, q) : [];
        var command = q.Namespace is { } ns
            ? s.Prepare(CurrentOfNamespace, q.Resource, ns, q.AfterName, q.Revision, q.Limit)
            : s.Prepare(Current, q.Resource, q.AfterNamespace, q.AfterName, q.Revision, q.Limit);
        using var reader = command.ExecuteReader();
        var piece = new PieceDraft<StoredObject>(q.Limit);
        while (!piece.IsFull && reader.Read())
        {
            var (id, key) = (reader.GetInt64(0), new StoreKey(q.Resource, reader.GetString(1), reader.GetString(2)));
            while (!piece.IsFull && replaced.TryPeek(out var older) && older.Key.IsBefore(key))
            {
                Add(s, piece, replaced.Dequeue());
            }

            if (!piece.IsFull)
            {
                var json = LogReader.Whole(s, reader, id, key, 3, 4);
                piece.Add(new StoredObject(key, id, json), json.Length);
            }
        }

        while (!piece.IsFull && replaced.TryDequeue(out var older))
        {
            Add(s, piece, older);
        }

        return piece.Finish();
    });

    private static Queue<(long Id, StoreKey Key)> ReplacedIn(Session session, PageQuery query)
    {
        using var reader = (query.Namespace is { } ns
            ? session.Prepare(ReplacedOfNamespace, query.Resource, ns, query.AfterName, query.Revision, query.Limit)
            : session.Prepare(Replaced, query.Resource, query.AfterNamespace, query.AfterName, query.Revision, query.Limit)).ExecuteReader();
        var rows = new Queue<(long, StoreKey)>();
        while (reader.Read())
        {
            rows.Enqueue((reader.GetInt64(0), new StoreKey(query.Resource, reader.GetString(1), reader.GetString(2))));
        }

        return rows;
    }

    private static void Add(Session session, PieceDraft<StoredObject> piece, (long Id, StoreKey Key) row)
    {
        using var reader = session.Prepare(ById, row.Id).ExecuteReader();
        if (reader.Read())
        {
            var json = LogReader.Whole(session, reader, row.Id, row.Key, 0, 1);
            piece.Add(new StoredObject(row.Key, row.Id, json), json.Length);
        }
    }
}
