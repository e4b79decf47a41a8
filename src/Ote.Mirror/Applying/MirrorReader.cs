using System.Text.Json.Nodes;
using Microsoft.Data.Sqlite;
using Ote.Kube.Mirrors;
using Ote.Kube.Server.Store;

namespace Ote.Mirror.Applying;

/// <summary>Reads the mirror as a Kubernetes server does its store: by namespace and the name an object is shown under.</summary>
internal sealed class MirrorReader(StaleClusters stale)
{
    private const string Node = "f spec.nodeName=";
    private const string Phase = "f status.phase=";
    private const int Rare = 20_000; // beyond it, looking at objects in their order finds enough of them soon
    private const int MostGone = 16; // of one name that are looked at; whoever makes and deletes it over and over is served by the newest
    private const string Columns = "o.ns, o.shown, o.revision, o.value, o.cluster";

    /// <summary>One object.</summary>
    public StoredObject? Find(Session session, StoreKey key)
    {
        using var reader = session.Prepare(
            "SELECT o.revision, o.value, o.cluster FROM objects o WHERE o.kind=(SELECT id FROM kinds WHERE stream=$1) AND o.ns=$2 AND o.shown=$3", MirrorStore.StreamOf(key.Resource), key.Namespace, key.Name).ExecuteReader();
        return reader.Read() ? new StoredObject(key, reader.GetInt64(0), stale.Mark(reader.GetInt64(2), PackedValue.Unpack((byte[])reader[1]))) : null;
    }

    /// <summary>
    /// A piece of the objects as they are now. Pages of one list may so be of different moments; whoever watches on from the revision of the first sees what changed
    /// in between.
    /// </summary>
    public Piece<StoredObject> List(Session session, PageQuery query) => session.InOneMoment(query, (s, q) =>
    {
        var kind = s.Scalar("SELECT id FROM kinds WHERE stream=$1", MirrorStore.StreamOf(q.Resource));
        using var reader = Command(s, q, kind).ExecuteReader();
        var (rows, bytes, more) = (new List<StoredObject>(), 0L, false);
        while (!more && reader.Read())
        {
            var json = stale.Mark(reader.GetInt64(4), PackedValue.Unpack((byte[])reader[3]));
            rows.Add(new StoredObject(new StoreKey(q.Resource, reader.GetString(0), reader.GetString(1)), reader.GetInt64(2), json));
            bytes += json.Length;
            more = rows.Count == q.Limit || bytes >= Piece<StoredObject>.MostBytes;
        }

        return new Piece<StoredObject>(rows, more);
    });

    /// <summary>What is known of an object by the name it has at its cluster.</summary>
    public static MirroredState Look(Session session, (MirroredKey Key, string Uid) asked) => session.InOneMoment(asked, (s, q) =>
    {
        var kind = s.Scalar("SELECT id FROM kinds WHERE stream=$1", q.Key.Kind);
        var cluster = s.Scalar("SELECT id FROM clusters WHERE name=$1", q.Key.Cluster);
        var reported = s.Scalar("SELECT 1 FROM streams WHERE cluster=$1 AND kind=$2", cluster, kind) != 0;
        (string Uid, string ResourceVersion)? there = null;
        using (var reader = s.Prepare(
            "SELECT value FROM objects WHERE kind=$1 AND cluster=$2 AND ns=$3 AND shown IN ($4, $5) AND name=$6", kind, cluster, q.Key.Namespace,
            MirroredName.Of(q.Key.Name, q.Key.Cluster), MirroredName.Marked(q.Key.Name, q.Key.Cluster), q.Key.Name).ExecuteReader())
        {
            if (reader.Read())
            {
                there = MirroredObject.VersionOf(PackedValue.Unpack((byte[])reader[0]));
            }
        }

        return new MirroredState(reported, there?.Uid, there?.ResourceVersion, there?.Uid != q.Uid && HasGone(s, kind, cluster, q.Key, q.Uid));
    });

    /// <summary>What there is of a kind of a cluster, as that has it.</summary>
    public static MirroredCopies Copies(Session session, (string Cluster, string Kind, int Most) asked) => session.InOneMoment(asked, static (s, q) =>
    {
        var kind = s.Scalar("SELECT id FROM kinds WHERE stream=$1", q.Kind);
        var cluster = s.Scalar("SELECT id FROM clusters WHERE name=$1", q.Cluster);
        var objects = new List<JsonObject>();
        using (var reader = s.Prepare("SELECT value FROM objects INDEXED BY by_cluster WHERE kind=$1 AND cluster=$2 LIMIT $3+0", kind, cluster, q.Most).ExecuteReader())
        {
            while (reader.Read())
            {
                objects.Add(MirroredObject.OriginalOf(PackedValue.Unpack((byte[])reader[0])));
            }
        }

        return new MirroredCopies(s.Scalar("SELECT 1 FROM streams WHERE cluster=$1 AND kind=$2", cluster, kind) != 0, objects);
    });

    /// <summary>The clusters of which there is something.</summary>
    public static IReadOnlyList<string> Clusters(Session session)
    {
        var names = new List<string>();
        using var reader = session.Prepare("SELECT name FROM clusters").ExecuteReader();
        while (reader.Read())
        {
            names.Add(reader.GetString(0));
        }

        return names;
    }

    private static bool HasGone(Session session, long kind, long cluster, MirroredKey key, string uid)
    {
        using var reader = session.Prepare(
            "SELECT value FROM history INDEXED BY gone_by_cluster WHERE gone=1 AND kind=$1 AND cluster=$2 AND ns=$3 AND name=$4 ORDER BY ended DESC LIMIT $5+0", kind, cluster, key.Namespace, key.Name, MostGone).ExecuteReader();
        while (reader.Read())
        {
            if (MirroredObject.VersionOf(PackedValue.Unpack((byte[])reader[0])).Uid == uid)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>
    /// By an index in the order of the answer; or, where few objects have what is asked for, by those, whose keys are sorted first, so that no value passes
    /// through a sorter.
    /// </summary>
    private static SqliteCommand Command(Session session, PageQuery query, long kind)
    {
        var ns = query.Namespace;
        var (afterNs, after) = (ns ?? query.AfterNamespace, query.AfterName);
        if (Narrowest(session, query, kind) is { } term)
        {
            return session.Prepare(
                $"""
                SELECT {Columns} FROM (
                    SELECT o.id AS id, o.ns AS ns, o.shown AS shown FROM found f JOIN objects o ON o.id=f.object
                    WHERE f.term=$1 AND ($2='' OR o.ns=$2) AND (o.ns, o.shown)>($3, $4) ORDER BY o.ns, o.shown LIMIT $5+0) k
                CROSS JOIN objects o ON o.id=k.id ORDER BY k.ns, k.shown
                """,
                term, ns ?? "", afterNs, after, query.Limit);
        }

        var among = ClusterOf(query) is { } cluster ? session.Scalar("SELECT id FROM clusters WHERE name=$1", cluster) : 0;
        return (ns, ClusterOf(query)) switch
        {
            (null, null) => session.Prepare($"SELECT {Columns} FROM objects o INDEXED BY by_shown WHERE o.kind=$1 AND (o.ns, o.shown)>($2, $3) ORDER BY o.ns, o.shown LIMIT $4+0", kind, afterNs, after, query.Limit),
            (_, null) => session.Prepare($"SELECT {Columns} FROM objects o INDEXED BY by_shown WHERE o.kind=$1 AND o.ns=$2 AND o.shown>$3 ORDER BY o.shown LIMIT $4+0", kind, ns, after, query.Limit),
            (null, _) => session.Prepare(
                $"SELECT {Columns} FROM objects o INDEXED BY by_cluster WHERE o.kind=$1 AND o.cluster=$2 AND (o.ns, o.shown)>($3, $4) ORDER BY o.ns, o.shown LIMIT $5+0", kind, among, afterNs, after, query.Limit),
            _ => session.Prepare(
                $"SELECT {Columns} FROM objects o INDEXED BY by_cluster WHERE o.kind=$1 AND o.cluster=$2 AND o.ns=$3 AND o.shown>$4 ORDER BY o.shown LIMIT $5+0", kind, among, ns, after, query.Limit),
        };
    }

    /// <summary>The one of the terms that fewest objects have, if they are few; 0 when none has it; null when none of the terms is rare.</summary>
    private static long? Narrowest(Session session, PageQuery query, long kind)
    {
        (long Term, long Count)? best = null;
        foreach (var text in TermsOf(query))
        {
            var term = session.Scalar("SELECT id FROM terms WHERE kind=$1 AND text=$2", kind, text);
            var count = session.Scalar("SELECT count(*) FROM (SELECT 1 FROM found WHERE term=$1 LIMIT $2+0)", term, Rare + 1);
            best = count <= Rare && (best is null || count < best.Value.Count) ? (term, count) : best;
        }

        return best?.Term;
    }

    internal static string? ClusterOf(PageQuery query) =>
        query.Terms.FirstOrDefault(t => t.StartsWith($"l {MirroredObject.ClusterLabel}=", StringComparison.Ordinal)) is { } term ? term[(term.IndexOf('=', StringComparison.Ordinal) + 1)..] : null;

    private static IEnumerable<string> TermsOf(PageQuery query)
    {
        foreach (var term in query.Terms)
        {
            if (term.StartsWith("l ", StringComparison.Ordinal) && !term.StartsWith($"l {MirroredObject.ClusterLabel}=", StringComparison.Ordinal))
            {
                yield return term;
            }
            else if (term.StartsWith(Node, StringComparison.Ordinal) && term.Length > Node.Length)
            {
                yield return "n " + term[Node.Length..];
            }
            else if (term.StartsWith(Phase, StringComparison.Ordinal) && term.Length > Phase.Length)
            {
                yield return "p " + term[Phase.Length..];
            }
        }
    }
}
