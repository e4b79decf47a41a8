using Microsoft.Data.Sqlite;
using Ote.Kube.Server.Store;

namespace Ote.Mirror.Applying;

/// <summary>
/// Reads the mirror as it was at a moment. A state holds from when it was told until it was replaced or its object went, by the mirror's clock. The former states of an object hang together
/// by their revisions: the one before a state ended with the revision at which that began. So what is there now and what has gone since are walked in the order of the answer, and each is
/// followed back to the moment; only what went needs an index of its own.
/// </summary>
internal static class MirrorPast
{
    private const int MostLookedAt = 20_000;
    private const string Now = "SELECT o.ns AS ns, o.shown AS shown, o.id AS id, o.revision AS began, o.since AS since, 0 AS ended FROM objects o INDEXED BY";
    private const string Gone = "UNION ALL SELECT h.ns, h.shown, 0, h.began, h.since, h.ended FROM history h INDEXED BY gone_by_shown WHERE h.gone=1 AND h.kind=$1 AND h.until>$2";

    /// <summary>One object; null when there was none.</summary>
    /// <exception cref="RevisionExpiredException">It is not kept.</exception>
    public static StoredObject? Find(Session session, (StoreKey Key, long At) asked) => session.InOneMoment(asked, static (s, q) =>
    {
        CheckKept(s, q.At);
        using var reader = s.Prepare(
            $"{Now} by_shown WHERE o.kind=$1 AND o.ns=$3 AND o.shown=$4 {Gone} AND h.ns=$3 AND h.shown=$4", Kind(s, q.Key.Resource), q.At, q.Key.Namespace, q.Key.Name).ExecuteReader();
        while (reader.Read())
        {
            if (Then(s, q.Key, reader, q.At) is { } found)
            {
                return found;
            }
        }

        return null;
    });

    /// <summary>A piece of the objects.</summary>
    /// <exception cref="RevisionExpiredException">They are not kept.</exception>
    public static Piece<StoredObject> List(Session session, PageQuery query) => session.InOneMoment(query, static (s, q) =>
    {
        var at = q.At!.Value.ToUnixTimeMilliseconds();
        CheckKept(s, at);
        using var reader = Command(s, q, at).ExecuteReader();
        var (rows, bytes, more, looked) = (new List<StoredObject>(), 0L, false, 0);
        while (!more && reader.Read())
        {
            var key = new StoreKey(q.Resource, reader.GetString(0), reader.GetString(1));
            // One that went and came again was one or the other.
            if ((rows.Count == 0 || rows[^1].Key != key) && Then(s, key, reader, at) is { } found)
            {
                rows.Add(found);
                bytes += found.Json.Length;
            }

            more = rows.Count > 0 && (rows.Count == q.Limit || bytes >= Piece<StoredObject>.MostBytes || ++looked >= MostLookedAt);
        }

        return new Piece<StoredObject>(rows, more);
    });

    private static void CheckKept(Session session, long at)
    {
        var since = session.Scalar("SELECT value FROM meta WHERE key='horizon'");
        if (at < since)
        {
            throw new RevisionExpiredException(at, since);
        }
    }

    /// <summary>The state of an object at a moment, found back from its last one.</summary>
    private static StoredObject? Then(Session session, StoreKey key, SqliteDataReader last, long at)
    {
        var (id, began, since, ended) = (last.GetInt64(2), last.GetInt64(3), last.GetInt64(4), last.GetInt64(5));
        while (since > at)
        {
            using var before = session.Prepare("SELECT began, since FROM history WHERE ended=$1 AND gone=0", began).ExecuteReader();
            if (!before.Read())
            {
                return null; // it came later
            }

            (id, ended, began, since) = (0, began, before.GetInt64(0), before.GetInt64(1));
        }

        using var value = (id != 0 ? session.Prepare("SELECT value FROM objects WHERE id=$1", id) : session.Prepare("SELECT value FROM history WHERE ended=$1", ended)).ExecuteReader();
        value.Read();
        return new StoredObject(key, began, MirroredObject.AsOf(PackedValue.Unpack((byte[])value[0]), DateTimeOffset.FromUnixTimeMilliseconds(at)));
    }

    private static SqliteCommand Command(Session session, PageQuery query, long at)
    {
        const string Order = "ORDER BY 1, 2";
        var kind = Kind(session, query.Resource);
        var (afterNs, after) = (query.Namespace ?? query.AfterNamespace, query.AfterName);
        // One that is forgotten has no number any more, and then its objects are found among all.
        var cluster = MirrorReader.ClusterOf(query) is { } name ? session.Scalar("SELECT id FROM clusters WHERE name=$1", name) : 0;
        return (query.Namespace, cluster) switch
        {
            (null, 0) => session.Prepare(
                $"{Now} by_shown WHERE o.kind=$1 AND (o.ns, o.shown)>($3, $4) {Gone} AND (h.ns, h.shown)>($3, $4) {Order}", kind, at, afterNs, after),
            (_, 0) => session.Prepare(
                $"{Now} by_shown WHERE o.kind=$1 AND o.ns=$3 AND o.shown>$4 {Gone} AND h.ns=$3 AND h.shown>$4 {Order}", kind, at, afterNs, after),
            (null, _) => session.Prepare(
                $"{Now} by_cluster WHERE o.kind=$1 AND o.cluster=$5 AND (o.ns, o.shown)>($3, $4) {Gone} AND h.cluster=$5 AND (h.ns, h.shown)>($3, $4) {Order}", kind, at, afterNs, after, cluster),
            _ => session.Prepare(
                $"{Now} by_cluster WHERE o.kind=$1 AND o.cluster=$5 AND o.ns=$3 AND o.shown>$4 {Gone} AND h.cluster=$5 AND h.ns=$3 AND h.shown>$4 {Order}", kind, at, afterNs, after, cluster),
        };
    }

    private static long Kind(Session session, string resource) => session.Scalar("SELECT id FROM kinds WHERE stream=$1", MirrorStore.StreamOf(resource));
}
