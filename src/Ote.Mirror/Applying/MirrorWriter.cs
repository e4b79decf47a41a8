using System.Text.Json;
using System.Text.Json.Nodes;
using Ote.Kube.Mirrors;
using Ote.Kube.Server.Store;
using Ote.Mirror.Reporting;
using Ote.Protocol.Reports;

namespace Ote.Mirror.Applying;

/// <summary>
/// Carries reports into the mirror's tables inside a transaction that its caller begins and ends. Used by one caller at a time. When the transaction is taken
/// back, <see cref="Forget"/> takes back what is remembered here.
/// </summary>
internal sealed class MirrorWriter
{
    private readonly Session _session;
    private readonly MirrorHistory _history;
    private readonly TimeProvider _time;
    private readonly Dictionary<string, long> _clusters = new(StringComparer.Ordinal);
    private readonly Dictionary<string, long> _kinds = new(StringComparer.Ordinal);
    private readonly Dictionary<(long Cluster, long Kind), StreamState> _streams = [];
    private long _revision;

    public MirrorWriter(Session session, MirrorHistory history, TimeProvider time)
    {
        (_session, _history, _time) = (session, history, time);
        Forget();
    }

    /// <summary>The newest revision given.</summary>
    public long Revision => _revision;

    /// <summary>What the open transaction has changed; taken by whoever commits it.</summary>
    public List<MirrorChange> Changes { get; } = [];

    /// <summary>Reads anew what the tables say.</summary>
    public void Forget()
    {
        Changes.Clear();
        _history.Forget();
        _clusters.Clear();
        _kinds.Clear();
        _streams.Clear();
        _revision = _session.Scalar("SELECT value FROM meta WHERE key='revision'");
    }

    /// <summary>Before the transaction is committed.</summary>
    public void Finish()
    {
        _history.Finish();
        _session.Prepare("UPDATE meta SET value=$1 WHERE key='revision'", _revision).ExecuteNonQuery();
    }

    /// <summary>The clusters that have told something.</summary>
    public IReadOnlyList<long> Clusters()
    {
        var ids = new List<long>();
        using var reader = _session.Prepare("SELECT id FROM clusters").ExecuteReader();
        while (reader.Read())
        {
            ids.Add(reader.GetInt64(0));
        }

        return ids;
    }

    /// <summary>A cluster's row; null when it has told nothing.</summary>
    public long? Find(string cluster) => _session.Scalar("SELECT id FROM clusters WHERE name=$1", cluster) is > 0 and var id ? id : null;

    /// <summary>How far the streams of a cluster are.</summary>
    public IReadOnlyList<StreamCursor> Cursors(string cluster)
    {
        var cursors = new List<StreamCursor>();
        using var reader = _session.Prepare(
            "SELECT k.stream, s.epoch, s.revision FROM clusters c JOIN streams s ON s.cluster=c.id JOIN kinds k ON k.id=s.kind WHERE c.name=$1", cluster).ExecuteReader();
        while (reader.Read())
        {
            cursors.Add(new StreamCursor { Kind = reader.GetString(0), Epoch = unchecked((ulong)reader.GetInt64(1)), Revision = (ulong)reader.GetInt64(2) });
        }

        return cursors;
    }

    /// <summary>Takes a report.</summary>
    /// <returns>False when it does not go on where the stream ends, or does not agree with what came before: the cluster is to be followed anew.</returns>
    /// <exception cref="JsonException">An object is no JSON; nothing of the report may be kept.</exception>
    public bool Apply(string cluster, Report report)
    {
        var (clusterId, kindId) = (ClusterId(cluster), KindId(report));
        var state = State(clusterId, kindId);
        if (!state.Takes(report))
        {
            return false;
        }

        state = state.Begin(report);
        foreach (var change in report.Changes)
        {
            state = Put(cluster, clusterId, kindId, report, change, state);
        }

        if (report.Complete && state.IsPassing)
        {
            state = DropUnseen(clusterId, kindId, cluster, report.Kind, state);
        }

        state = state.End(report);
        var agrees = state.Agrees(report);
        Keep(clusterId, kindId, agrees ? state : state.Distrusted());
        return agrees;
    }

    /// <summary>Forgets a cluster and all it has told.</summary>
    public void Remove(string cluster)
    {
        var id = _session.Scalar("SELECT id FROM clusters WHERE name=$1", cluster);
        if (id == 0)
        {
            return;
        }

        var kinds = new List<(long Id, string Stream)>();
        using (var reader = _session.Prepare("SELECT k.id, k.stream FROM streams s JOIN kinds k ON k.id=s.kind WHERE s.cluster=$1", id).ExecuteReader())
        {
            while (reader.Read())
            {
                kinds.Add((reader.GetInt64(0), reader.GetString(1)));
            }
        }

        foreach (var (kind, stream) in kinds)
        {
            DropUnseen(id, kind, cluster, stream, new StreamState(0, 0, 0, long.MaxValue, true));
            _streams.Remove((id, kind));
        }

        _session.Prepare("DELETE FROM streams WHERE cluster=$1", id).ExecuteNonQuery();
        _session.Prepare("DELETE FROM clusters WHERE id=$1", id).ExecuteNonQuery();
        _clusters.Remove(cluster);
    }

    private StreamState Put(string cluster, long clusterId, long kindId, Report report, ObjectChange change, StreamState state)
    {
        long id = 0, pass = 0;
        ulong mark = 0;
        var shown = "";
        using (var reader = _session.Prepare("SELECT id, mark, pass, shown FROM objects WHERE kind=$1 AND cluster=$2 AND ns=$3 AND shown IN ($4, $5) AND name=$6",
            kindId, clusterId, change.Namespace, MirroredName.Of(change.Name, cluster), MirroredName.Marked(change.Name, cluster), change.Name).ExecuteReader())
        {
            if (reader.Read())
            {
                (id, mark, pass, shown) = (reader.GetInt64(0), unchecked((ulong)reader.GetInt64(1)), reader.GetInt64(2), reader.GetString(3));
            }
        }

        if (change.Object.IsEmpty)
        {
            return id == 0 ? state : Drop(id, clusterId, kindId, new MirroredKey(cluster, report.Kind, change.Namespace, change.Name), shown, mark, state);
        }

        var now = ReportDigest.Of(change.Namespace, change.Name, change.Object.Span);
        if (id != 0 && mark == now)
        {
            if (pass != state.Pass)
            {
                _session.Prepare("UPDATE objects SET pass=$2 WHERE id=$1", id, state.Pass).ExecuteNonQuery();
            }

            return state;
        }

        var at = _time.GetUtcNow().ToUnixTimeMilliseconds();
        var isNew = id == 0;
        shown = isNew ? Name(kindId, change.Namespace, change.Name, cluster) : shown;
        var next = MirroredObject.Of(change.Object.Span, cluster, shown, ++_revision, report.ApiVersion, report.ObjectKind);
        byte[]? before = null;
        if (isNew)
        {
            id = _session.Scalar(
                "INSERT INTO objects (kind, cluster, ns, name, shown, revision, since, pass, mark, value) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING id",
                kindId, clusterId, change.Namespace, change.Name, shown, _revision, at, state.Pass, unchecked((long)now), PackedValue.Pack(next.Json));
            AddTerms(kindId, id, next.Terms);
        }
        else
        {
            before = End(id, clusterId, kindId, change.Namespace, change.Name, shown, at, gone: false);
            _session.Prepare("UPDATE objects SET revision=$2, since=$3, pass=$4, mark=$5, value=$6 WHERE id=$1", id, _revision, at, state.Pass, unchecked((long)now), PackedValue.Pack(next.Json)).ExecuteNonQuery();
            var former = TermsOf(before);
            RemoveTerms(kindId, id, former.Except(next.Terms, StringComparer.Ordinal));
            AddTerms(kindId, id, next.Terms.Except(former, StringComparer.Ordinal));
        }

        Changes.Add(new MirrorChange(_revision, new MirroredKey(cluster, report.Kind, change.Namespace, change.Name), shown, before, next.Json));
        return state with { Digest = unchecked(state.Digest + now - (isNew ? 0 : mark)) };
    }

    private StreamState Drop(long id, long clusterId, long kindId, MirroredKey key, string shown, ulong mark, StreamState state)
    {
        _revision++;
        var before = End(id, clusterId, kindId, key.Namespace, key.Name, shown, _time.GetUtcNow().ToUnixTimeMilliseconds(), gone: true);
        _session.Prepare("DELETE FROM objects WHERE id=$1", id).ExecuteNonQuery();
        RemoveTerms(kindId, id, TermsOf(before));
        Changes.Add(new MirrorChange(_revision, key, shown, before, null));
        return state with { Digest = unchecked(state.Digest - mark) };
    }

    private StreamState DropUnseen(long clusterId, long kindId, string cluster, string stream, StreamState state)
    {
        var unseen = new List<(long Id, string Namespace, string Name, string Shown, ulong Mark)>();
        using (var reader = _session.Prepare("SELECT id, ns, name, shown, mark FROM objects WHERE kind=$1 AND cluster=$2 AND pass<>$3", kindId, clusterId, state.Pass).ExecuteReader())
        {
            while (reader.Read())
            {
                unseen.Add((reader.GetInt64(0), reader.GetString(1), reader.GetString(2), reader.GetString(3), unchecked((ulong)reader.GetInt64(4))));
            }
        }

        foreach (var row in unseen)
        {
            state = Drop(row.Id, clusterId, kindId, new MirroredKey(cluster, stream, row.Namespace, row.Name), row.Shown, row.Mark, state);
        }

        return state;
    }

    /// <summary>Puts the state that ends with the newest revision into the history.</summary>
    private byte[] End(long id, long clusterId, long kindId, string ns, string name, string shown, long at, bool gone)
    {
        byte[] value;
        long began, since;
        using (var reader = _session.Prepare("SELECT value, revision, since FROM objects WHERE id=$1", id).ExecuteReader())
        {
            reader.Read();
            (value, began, since) = ((byte[])reader[0], reader.GetInt64(1), reader.GetInt64(2));
        }

        _session.Prepare(
            "INSERT INTO history (ended, kind, cluster, ns, name, shown, began, since, until, gone, value) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
            _revision, kindId, clusterId, ns, name, shown, began, since, at, gone ? 1 : 0, value).ExecuteNonQuery();
        _history.Added(value.Length);
        return PackedValue.Unpack(value);
    }

    private static IReadOnlyList<string> TermsOf(byte[] json) => JsonNode.Parse(json) is JsonObject obj ? MirroredObject.TermsOf(obj) : [];

    private void AddTerms(long kindId, long id, IEnumerable<string> terms)
    {
        foreach (var text in terms)
        {
            var term = _session.Scalar("SELECT id FROM terms WHERE kind=$1 AND text=$2", kindId, text);
            if (term == 0)
            {
                term = _session.Scalar("INSERT INTO terms (kind, text) VALUES ($1, $2) RETURNING id", kindId, text);
            }

            _session.Prepare("INSERT INTO found (term, object) VALUES ($1, $2) ON CONFLICT DO NOTHING", term, id).ExecuteNonQuery();
        }
    }

    private void RemoveTerms(long kindId, long id, IEnumerable<string> terms)
    {
        foreach (var text in terms)
        {
            var term = _session.Scalar("SELECT id FROM terms WHERE kind=$1 AND text=$2", kindId, text);
            _session.Prepare("DELETE FROM found WHERE term=$1 AND object=$2", term, id).ExecuteNonQuery();
            if (_session.Scalar("SELECT 1 FROM found WHERE term=$1 LIMIT 1", term) == 0)
            {
                _session.Prepare("DELETE FROM terms WHERE id=$1", term).ExecuteNonQuery();
            }
        }
    }

    private string Name(long kindId, string ns, string name, string cluster)
    {
        var plain = MirroredName.Of(name, cluster);
        return _session.Scalar("SELECT 1 FROM objects WHERE kind=$1 AND ns=$2 AND shown=$3", kindId, ns, plain) == 0 ? plain : MirroredName.Marked(name, cluster);
    }

    private long ClusterId(string cluster)
    {
        if (!_clusters.TryGetValue(cluster, out var id))
        {
            _session.Prepare("INSERT INTO clusters (name, uid) VALUES ($1, '') ON CONFLICT DO NOTHING", cluster).ExecuteNonQuery();
            _clusters[cluster] = id = _session.Scalar("SELECT id FROM clusters WHERE name=$1", cluster);
        }

        return id;
    }

    private long KindId(Report report)
    {
        if (!_kinds.TryGetValue(report.Kind, out var id))
        {
            _session.Prepare(
                "INSERT INTO kinds (stream, api_version, kind, namespaced) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
                report.Kind, report.ApiVersion, report.ObjectKind, report.Namespaced ? 1 : 0).ExecuteNonQuery();
            _kinds[report.Kind] = id = _session.Scalar("SELECT id FROM kinds WHERE stream=$1", report.Kind);
        }

        return id;
    }

    private StreamState State(long cluster, long kind)
    {
        if (_streams.TryGetValue((cluster, kind), out var state))
        {
            return state;
        }

        using (var reader = _session.Prepare("SELECT epoch, revision, digest, pass, passing FROM streams WHERE cluster=$1 AND kind=$2", cluster, kind).ExecuteReader())
        {
            if (reader.Read())
            {
                state = new StreamState(unchecked((ulong)reader.GetInt64(0)), (ulong)reader.GetInt64(1), unchecked((ulong)reader.GetInt64(2)), reader.GetInt64(3), reader.GetInt64(4) != 0);
            }
        }

        return _streams[(cluster, kind)] = state;
    }

    private void Keep(long cluster, long kind, StreamState state)
    {
        _streams[(cluster, kind)] = state;
        _session.Prepare(
            """
            INSERT INTO streams (cluster, kind, epoch, revision, digest, pass, passing) VALUES ($1, $2, $3, $4, $5, $6, $7)
            ON CONFLICT DO UPDATE SET epoch=excluded.epoch, revision=excluded.revision, digest=excluded.digest, pass=excluded.pass, passing=excluded.passing
            """,
            cluster, kind, unchecked((long)state.Epoch), (long)state.Revision, unchecked((long)state.Digest), state.Pass, state.IsPassing ? 1 : 0).ExecuteNonQuery();
    }
}
