using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.Unicode;
using Microsoft.Data.Sqlite;
using Ote.Kube.Objects;
using Ote.Kube.Server.Store;
using SQLitePCL;

namespace Ote.EdgeHub.Cache;

/// <summary>A copy as it lies in the database.</summary>
internal sealed record ScopeRow(long Id, CacheQuery Query, long Revision, long Doubtful, bool Complete, long Used, IReadOnlyList<string> Grants);

/// <summary>The statements on the node's database. Values are sealed for the place they lie in.</summary>
internal static class CacheRows
{
    internal const int MostPlaceBytes = 512; // longer ones are allocated
    private const int PieceBytes = 128 * 1024; // a list is on its way to its reader while the next of it is unsealed
    private const int MostAnswers = 1000;
    private const long MostAnswerBytes = 32 * 1024 * 1024;

    /// <summary>Objects on the disk; and those together with what is held in memory.</summary>
    private const string Stored = "objects", Seen = "seen";

    public static List<ScopeRow> Scopes(Session session)
    {
        var grants = new List<(long Scope, string Caller)>();
        using (var reader = session.Prepare("SELECT scope, caller FROM grants").ExecuteReader())
        {
            while (reader.Read())
            {
                grants.Add((reader.GetInt64(0), reader.GetString(1)));
            }
        }

        var byScope = grants.ToLookup(grant => grant.Scope, grant => grant.Caller);
        var scopes = new List<ScopeRow>();
        using var rows = session.Prepare("SELECT id, query, revision, doubtful, complete, used FROM scopes").ExecuteReader();
        while (rows.Read())
        {
            scopes.Add(new ScopeRow(rows.GetInt64(0), CacheQuery.Parse(rows.GetString(1)), rows.GetInt64(2), rows.GetInt64(3), rows.GetInt64(4) != 0, rows.GetInt64(5), [.. byScope[rows.GetInt64(0)]]));
        }

        return scopes;
    }

    public static long AddScope(Session session, long id, CacheQuery query, long now) =>
        session.Scalar("INSERT INTO scopes (id, query, revision, doubtful, complete, used) VALUES ($1,$2,0,0,0,$3) RETURNING id", id, query.ToString(), now);

    public static int Used(Session session, long scope, long now) => session.Prepare("UPDATE scopes SET used=$2 WHERE id=$1", scope, now).ExecuteNonQuery();

    public static int Drop(Session session, NodeDatabase database, long scope)
    {
        database.Recent.Forget(scope);
        session.Prepare("DELETE FROM objects WHERE scope=$1", scope).ExecuteNonQuery();
        session.Prepare("DELETE FROM held WHERE scope=$1", scope).ExecuteNonQuery();
        session.Prepare("DELETE FROM grants WHERE scope=$1", scope).ExecuteNonQuery();
        return session.Prepare("DELETE FROM scopes WHERE id=$1", scope).ExecuteNonQuery();
    }

    public static int Grant(Session session, long scope, string caller) => session.Prepare("INSERT INTO grants VALUES ($1,$2) ON CONFLICT DO NOTHING", scope, caller).ExecuteNonQuery();

    public static int Revoke(Session session, long scope, string caller) => session.Prepare("DELETE FROM grants WHERE scope=$1 AND caller=$2", scope, caller).ExecuteNonQuery();

    public static int Reached(Session session, long scope, long revision) => session.Prepare("UPDATE scopes SET revision=MAX(revision,$2) WHERE id=$1", scope, revision).ExecuteNonQuery();

    public static int Completed(Session session, long scope, long revision) => session.Prepare("UPDATE scopes SET revision=$2, complete=1 WHERE id=$1", scope, revision).ExecuteNonQuery();

    public static int Doubt(Session session, long scope, long revision) => session.Prepare("UPDATE scopes SET revision=$2, doubtful=$2 WHERE id=$1", scope, revision).ExecuteNonQuery();

    /// <summary>The newest version that a watch began at before a copy had come so far.</summary>
    public static long Ahead(Session session) => session.Scalar("SELECT COALESCE(MAX(CAST(value AS INTEGER)),0) FROM meta WHERE key='ahead'");

    public static int CameWith(Session session, long revision) => session.Prepare("INSERT INTO meta VALUES ('ahead',$1) ON CONFLICT (key) DO UPDATE SET value=$1", revision).ExecuteNonQuery();

    public static StoredObject? Find(Session session, NodeDatabase database, long scope, StoreKey key)
    {
        const string What = "SELECT revision, value FROM ", Which = " WHERE scope=$1 AND ns=$2 AND name=$3";
        using var row = session.Prepare(database.Holds ? What + Seen + Which : What + Stored + Which, scope, key.Namespace, key.Name).ExecuteReader();
        return row.Read() ? new StoredObject(key, row.GetInt64(0), database.Unseal(row, 1, Place(scope, key, stackalloc byte[MostPlaceBytes]))) : null;
    }

    public static Piece<StoredObject> Page(Session session, NodeDatabase database, long scope, PageQuery query)
    {
        const string What = "SELECT ns, name, revision, value FROM ", Which = " WHERE scope=$1 AND (ns,name)>($2,$3) AND ($4='' OR ns=$4) ORDER BY ns, name LIMIT $5+0";
        using var rows = session.Prepare(
            database.Holds ? What + Seen + Which : What + Stored + Which, scope, query.AfterNamespace, query.AfterName, query.Namespace ?? "", query.Limit + 1L).ExecuteReader();
        var page = new List<StoredObject>();
        var bytes = 0;
        Span<byte> place = stackalloc byte[MostPlaceBytes];
        var row = rows.Handle!; // Straight: a reader asks SQLite several times for each column.
        while (rows.Read())
        {
            if (page.Count == query.Limit || bytes >= PieceBytes)
            {
                return new Piece<StoredObject>(page, true);
            }

            var key = new StoreKey(query.Resource, raw.sqlite3_column_text(row, 0).utf8_to_string(), raw.sqlite3_column_text(row, 1).utf8_to_string());
            var json = database.Unseal(rows, 3, Place(scope, key, place));
            bytes += json.Length;
            page.Add(new StoredObject(key, raw.sqlite3_column_int64(row, 2), json));
        }

        return new Piece<StoredObject>(page, false);
    }

    public static Dictionary<StoreKey, long> Keys(Session session, NodeDatabase database, long scope, string resource)
    {
        const string What = "SELECT ns, name, revision FROM ", Which = " WHERE scope=$1";
        var keys = new Dictionary<StoreKey, long>();
        using var rows = session.Prepare(database.Holds ? What + Seen + Which : What + Stored + Which, scope).ExecuteReader();
        while (rows.Read())
        {
            keys[new StoreKey(resource, rows.GetString(0), rows.GetString(1))] = rows.GetInt64(2);
        }

        return keys;
    }

    /// <summary>A namespace's objects of a copy.</summary>
    public static List<StoredObject> Of(Session session, NodeDatabase database, long scope, string resource, string ns)
    {
        var found = new List<StoredObject>();
        Span<byte> place = stackalloc byte[MostPlaceBytes];
        const string What = "SELECT name, revision, value FROM ", Which = " WHERE scope=$1 AND ns=$2";
        using var rows = session.Prepare(database.Holds ? What + Seen + Which : What + Stored + Which, scope, ns).ExecuteReader();
        while (rows.Read())
        {
            var key = new StoreKey(resource, ns, rows.GetString(0));
            found.Add(new StoredObject(key, rows.GetInt64(1), database.Unseal(rows, 2, Place(scope, key, place))));
        }

        return found;
    }

    /// <summary>Stores an object, or holds it in memory where that is what is done now; null takes it away.</summary>
    public static int Put(Session session, NodeDatabase database, long scope, StoreKey key, long revision, byte[]? json)
    {
        database.Recent.Forget(scope);
        var value = json is null ? null : database.Seal(json, Place(scope, key, stackalloc byte[MostPlaceBytes]));
        return database.IsHolding
            ? session.Prepare("INSERT OR REPLACE INTO held (scope, ns, name, revision, value) VALUES ($1,$2,$3,$4,$5)", scope, key.Namespace, key.Name, revision, (object?)value ?? DBNull.Value).ExecuteNonQuery()
            : value is null
            ? session.Prepare("DELETE FROM objects WHERE scope=$1 AND ns=$2 AND name=$3", scope, key.Namespace, key.Name).ExecuteNonQuery()
            : session.Prepare(
                "INSERT INTO objects (scope, ns, name, revision, value) VALUES ($1,$2,$3,$4,$5) ON CONFLICT (scope, ns, name) DO UPDATE SET revision=$4, value=$5",
                scope, key.Namespace, key.Name, revision, value).ExecuteNonQuery();
    }

    /// <summary>Journals a write: what was before the first stays, what is since the last takes the place of what was. What came and went here was never there.</summary>
    /// <param name="session">The database.</param>
    /// <param name="database">Seals what is written.</param>
    /// <param name="key">The object.</param>
    /// <param name="now">When, in milliseconds since 1970.</param>
    /// <param name="before">The object before this write; null: there was none.</param>
    /// <param name="after">Since then; null: it is gone.</param>
    /// <param name="most">As many entries of its kind are kept, the newest.</param>
    public static int Note(Session session, NodeDatabase database, StoreKey key, long now, byte[]? before, byte[]? after, long most)
    {
        var place = "journal/" + key;
        session.Prepare(
            "INSERT INTO journal (resource, ns, name, began, base, local) VALUES ($1,$2,$3,$4,$5,$6) ON CONFLICT (resource, ns, name) DO UPDATE SET local=$6",
            key.Resource, key.Namespace, key.Name, now, Sealed(before), Sealed(after)).ExecuteNonQuery();
        session.Prepare("DELETE FROM journal WHERE resource=$1 AND ns=$2 AND name=$3 AND base IS NULL AND local IS NULL", key.Resource, key.Namespace, key.Name).ExecuteNonQuery();
        var dropped = session.Prepare("DELETE FROM journal WHERE resource=$1 AND id IN (SELECT id FROM journal WHERE resource=$1 ORDER BY id DESC LIMIT -1 OFFSET $2+0)", key.Resource, most).ExecuteNonQuery();
        return dropped == 0 ? 0 : session.Prepare("INSERT INTO meta VALUES ('dropped',$1) ON CONFLICT (key) DO UPDATE SET value=CAST(value AS INTEGER)+$1", (long)dropped).ExecuteNonQuery();

        object Sealed(byte[]? json) => json is null ? DBNull.Value : database.Seal(json, place);
    }

    /// <summary>How many entries the journal had no room for.</summary>
    public static long Dropped(Session session) => session.Scalar("SELECT COALESCE(MAX(CAST(value AS INTEGER)),0) FROM meta WHERE key='dropped'");

    /// <summary>So many of them have been told of.</summary>
    public static int ToldOfDropped(Session session, long count) => session.Prepare("UPDATE meta SET value=MAX(CAST(value AS INTEGER)-$1,0) WHERE key='dropped'", count).ExecuteNonQuery();

    /// <summary>An object as the journal has it; null when it has none, or notes that it is gone.</summary>
    public static StoredObject? Noted(Session session, NodeDatabase database, StoreKey key)
    {
        var stored = session.Prepare("SELECT local FROM journal WHERE resource=$1 AND ns=$2 AND name=$3", key.Resource, key.Namespace, key.Name).ExecuteScalar();
        return database.Unseal(stored, "journal/" + key) is { } json ? new StoredObject(key, long.Parse(((JsonObject)JsonNode.Parse(json)!).ResourceVersion(), CultureInfo.InvariantCulture), json) : null;
    }

    public static bool EndedHere(Session session, StoreKey key) =>
        session.Scalar("SELECT COUNT(*) FROM journal WHERE resource=$1 AND ns=$2 AND name=$3 AND local IS NULL", key.Resource, key.Namespace, key.Name) > 0;

    public static List<JournalEntry> Journal(Session session, NodeDatabase database)
    {
        var entries = new List<JournalEntry>();
        using var rows = session.Prepare("SELECT id, resource, ns, name, began, base, local, sent FROM journal ORDER BY id").ExecuteReader();
        while (rows.Read())
        {
            var key = new StoreKey(rows.GetString(1), rows.GetString(2), rows.GetString(3));
            entries.Add(new JournalEntry(rows.GetInt64(0), key, DateTimeOffset.FromUnixTimeMilliseconds(rows.GetInt64(4)), Read(rows, 5), Read(rows, 6), Read(rows, 7)));

            JsonObject? Read(SqliteDataReader row, int column) => database.Unseal(row.GetValue(column), "journal/" + key) is { } json ? (JsonObject)JsonNode.Parse(json)! : null;
        }

        return entries;
    }

    /// <summary>Notes that the API server is about to be told of an entry, and what it is known to have of it by now.</summary>
    public static int Sending(Session session, NodeDatabase database, JournalEntry entry)
    {
        var place = "journal/" + entry.Key;
        return session.Prepare("UPDATE journal SET base=$2, sent=$3 WHERE id=$1", entry.Id, Sealed(entry.Base), Sealed(entry.Local)).ExecuteNonQuery();

        object Sealed(JsonObject? obj) => obj is null ? DBNull.Value : database.Seal(Encoding.UTF8.GetBytes(obj.ToJsonString()), place);
    }

    /// <summary>Takes an entry off, if it is still as it was read.</summary>
    public static bool Forget(Session session, NodeDatabase database, JournalEntry entry)
    {
        var now = database.Unseal(session.Prepare("SELECT local FROM journal WHERE id=$1", entry.Id).ExecuteScalar(), "journal/" + entry.Key);
        return JsonNode.DeepEquals(now is null ? null : JsonNode.Parse(now), entry.Local) && session.Prepare("DELETE FROM journal WHERE id=$1", entry.Id).ExecuteNonQuery() == 1;
    }

    public static List<ResourceRef> Kinds(Session session)
    {
        var kinds = new List<ResourceRef>();
        using var rows = session.Prepare("SELECT grp, version, plural, kind, namespaced FROM kinds").ExecuteReader();
        while (rows.Read())
        {
            kinds.Add(new ResourceRef(rows.GetString(0), rows.GetString(1), rows.GetString(2), rows.GetString(3), rows.GetInt64(4) != 0));
        }

        return kinds;
    }

    public static int AddKind(Session session, ResourceRef kind) => session.Prepare(
        "INSERT INTO kinds VALUES ($1,$2,$3,$4,$5) ON CONFLICT DO UPDATE SET kind=$4, namespaced=$5", kind.Group, kind.Version, kind.Plural, kind.Kind, kind.Namespaced ? 1L : 0L).ExecuteNonQuery();

    public static int Keep(Session session, NodeDatabase database, string mark, byte[] answer, long now)
    {
        session.Prepare("INSERT INTO answers VALUES ($1,$2,$3) ON CONFLICT (mark) DO UPDATE SET at=$2, value=$3", mark, now, database.Seal(answer, "answer/" + mark)).ExecuteNonQuery();
        return session.Prepare(
            "DELETE FROM answers WHERE mark IN (SELECT mark FROM (SELECT mark, ROW_NUMBER() OVER newest AS place, SUM(LENGTH(value)) OVER newest AS bytes FROM answers WINDOW newest AS (ORDER BY at DESC, mark)) WHERE place > $1 OR (place > 1 AND bytes > $2))",
            (long)MostAnswers, MostAnswerBytes).ExecuteNonQuery();
    }

    public static int Unkeep(Session session, string mark) => session.Prepare("DELETE FROM answers WHERE mark=$1", mark).ExecuteNonQuery();

    public static byte[]? Kept(Session session, NodeDatabase database, string mark) =>
        database.Unseal(session.Prepare("SELECT value FROM answers WHERE mark=$1", mark).ExecuteScalar(), "answer/" + mark);

    /// <summary>What a value of a copy is bound to.</summary>
    internal static ReadOnlySpan<byte> Place(long scope, StoreKey key, Span<byte> room) =>
        Utf8.TryWrite(room, CultureInfo.InvariantCulture, $"{scope}/{key.Namespace}/{key.Name}", out var length) ? room[..length] : Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{scope}/{key.Namespace}/{key.Name}"));
}
