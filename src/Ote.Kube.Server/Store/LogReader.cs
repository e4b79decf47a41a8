using Microsoft.Data.Sqlite;

namespace Ote.Kube.Server.Store;

/// <summary>The statements that read the log.</summary>
internal static class LogReader
{
    /// <summary>The row of <c>meta</c> that generations do not fall below; see <see cref="StoreCopy.Renew"/>.</summary>
    public const string GenerationKey = "generation";

    private const string One = "SELECT id, value, sum FROM log WHERE resource=$1 AND ns=$2 AND name=$3 AND until IS NULL";

    private const string History = """
        SELECT l.id, l.op, l.ns, l.name, l.value, l.sum, p.value, p.sum, p.id FROM log l LEFT JOIN log p ON p.id=l.prev
        WHERE l.id>$2 AND l.id<=$3 AND l.resource=$1 ORDER BY l.id LIMIT $4+0
        """;

    // Lengths stand before the values, which are not read for them.
    private const string HeldAfter = """
        SELECT l.id, ifnull(length(p.value), 0) + CASE l.op WHEN 2 THEN length(l.value) ELSE 0 END FROM log l LEFT JOIN log p ON p.id=l.prev
        WHERE l.id>$1 ORDER BY l.id
        """;

    private const string Dependents = "SELECT resource, ns, name FROM owned WHERE owner=$1 AND (resource, ns, name)>($3, $4, $5) ORDER BY resource, ns, name LIMIT $2+0";
    private const string Owners = "SELECT DISTINCT owner FROM owned WHERE owner>$1 ORDER BY owner LIMIT $2+0";

    public static StoredObject? Find(Session session, StoreKey key)
    {
        using var reader = session.Prepare(One, key.Resource, key.Namespace, key.Name).ExecuteReader();
        return reader.Read() ? new StoredObject(key, reader.GetInt64(0), Whole(session, reader, reader.GetInt64(0), key, 1, 2)) : null;
    }

    public static Piece<Change> Changes(Session session, (string Resource, long After, long UpTo, int Limit) range)
    {
        using var reader = session.Prepare(History, range.Resource, range.After, range.UpTo, range.Limit).ExecuteReader();
        var piece = new PieceDraft<Change>(range.Limit);
        while (!piece.IsFull && reader.Read())
        {
            var (id, key) = (reader.GetInt64(0), new StoreKey(range.Resource, reader.GetString(2), reader.GetString(3)));
            var (now, before) = (Whole(session, reader, id, key, 4, 5), reader.IsDBNull(6) ? null : Whole(session, reader, reader.GetInt64(8), key, 6, 7));
            piece.Add(new Change(id, (ChangeKind)reader.GetInt32(1), key, now, before), now.Length + (before?.Length ?? 0));
        }

        return piece.Finish();
    }

    public static List<StoreKey> OwnedBy(Session session, (string Owner, int Limit, StoreKey After) query) =>
        Keys(session.Prepare(Dependents, query.Owner, query.Limit, query.After.Resource, query.After.Namespace, query.After.Name));

    /// <summary>A row's object, if it is as it was written.</summary>
    public static byte[] Whole(Session session, SqliteDataReader row, long id, StoreKey key, int value, int sum)
    {
        var json = row.GetFieldValue<byte[]>(value);
        // Rows of before there were sums have none.
        return row.IsDBNull(sum) || row.GetInt64(sum) == RowSum.Of(id, key, json)
            ? json
            : throw StoreFault.Damaged(session.Name, $"what is stored for {key} at revision {id} is not what was written");
    }

    private static List<StoreKey> Keys(SqliteCommand command)
    {
        using var reader = command.ExecuteReader();
        var keys = new List<StoreKey>();
        while (reader.Read())
        {
            keys.Add(new StoreKey(reader.GetString(0), reader.GetString(1), reader.GetString(2)));
        }

        return keys;
    }

    public static List<string> OwnersAfter(Session session, (string After, int Limit) query)
    {
        using var reader = session.Prepare(Owners, query.After, query.Limit).ExecuteReader();
        var owners = new List<string>();
        while (reader.Read())
        {
            owners.Add(reader.GetString(0));
        }

        return owners;
    }

    /// <summary>What the changes after a revision keep; see <see cref="HeldHistory"/>.</summary>
    public static HeldHistory Held(Session session, long after)
    {
        var held = new HeldHistory();
        using var reader = session.Prepare(HeldAfter, after).ExecuteReader();
        while (reader.Read())
        {
            held.Add(reader.GetInt64(0), reader.GetInt64(1));
        }

        return held;
    }

    public static long LastRevision(Session session) => Math.Max(session.Scalar("SELECT max(id) FROM log"), Compacted(session));

    public static long Compacted(Session session) => session.Scalar("SELECT value FROM meta WHERE key='compacted'");

    public static long LeastGeneration(Session session) => session.Scalar("SELECT value FROM meta WHERE key=$1", GenerationKey);

    public static long Installed(Session session) => session.Scalar("SELECT value FROM meta WHERE key='installed'");
}
