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
        Forms = new MirrorForms(session);
        Forget();
    }

    /// <summary>What the objects of streams are.</summary>
    public MirrorForms Forms { get; }

    /// <summary>The newest revision given.</summary>
    public long Revision => _revision;

    /// <summary>What the open transaction has changed; taken by whoever commits it.</summary>
    public List<MirrorChange> Changes { get; } = [];

    /// <summary>Clusters that the open transaction has turned; taken by whoever commits it.</summary>
    public List<ClusterTurn> Turns { get; } = [];

    /// <summary>Reads anew what the tables say.</summary>
    public void Forget()
    {
        Changes.Clear();
        Turns.Clear();
        _history.Forget();
        _clusters.Clear();
        _kinds.Clear();
        _streams.Clear();
        Forms.Forget();
        _revision = _session.Scalar("SELECT value FROM meta WHERE key='revision'");
    }

    /// <summary>Before the transaction is committed.</summary>
    public void Finish()
    {
        _history.Finish();
        _session.Prepare("UPDATE meta SET value=$1 WHERE key='revision'", _revision).ExecuteNonQuery();
    }

    /// <summary>Since when clusters are marked as away, as the tables say: null for one that is not. Those that have told something alone.</summary>
    public IReadOnlyDictionary<long, DateTimeOffset?> Away()
    {
        var away = new Dictionary<long, DateTimeOffset?>();
        using var reader = _session.Prepare("SELECT c.id, t.since FROM clusters c LEFT JOIN turns t ON t.cluster=c.id").ExecuteReader();
        while (reader.Read())
        {
            away[reader.GetInt64(0)] = reader.IsDBNull(1) ? null : DateTimeOffset.FromUnixTimeMilliseconds(reader.GetInt64(1));
        }

        return away;
    }

    /// <summary>Has clusters be marked as away, or no more.</summary>
    public void Turn(IReadOnlyList<long> clusters, DateTimeOffset? since)
    {
        var turn = new ClusterTurn(_revision, _session.Scalar("SELECT coalesce(max(id), 0) FROM objects"), clusters, since);
        foreach (var cluster in clusters)
        {
            object moment = since is { } when ? when.ToUnixTimeMilliseconds() : DBNull.Value;
            _session.Prepare("INSERT OR REPLACE INTO turns (cluster, start, span, since) VALUES ($1, $2, $3, $4)", cluster, turn.Start, turn.Span, moment).ExecuteNonQuery();
        }

        _revision = turn.End;
        Turns.Add(turn);
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
        if (report.Ended)
        {
            End(cluster, report.Kind);
            return true;
        }

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
        Forms.Take(clusterId, kindId, report);
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

        kinds.ForEach(kind => EndStream(id, cluster, kind.Id, kind.Stream));
        _session.Prepare("DELETE FROM turns WHERE cluster=$1", id).ExecuteNonQuery(); // another may get its number
        _session.Prepare("DELETE FROM clusters WHERE id=$1", id).ExecuteNonQuery();
        _clusters.Remove(cluster);
    }

    /// <summary>A cluster reports a kind no more: its objects are gone, and the stream with them, so that nobody takes it for reported.</summary>
    private void End(string cluster, string stream)
    {
        if (Find(cluster) is { } id && _session.Scalar("SELECT k.id FROM streams s JOIN kinds k ON k.id=s.kind WHERE s.cluster=$1 AND k.stream=$2", id, stream) is > 0 and var kind)
        {
            EndStream(id, cluster, kind, stream);
        }
    }

    private void EndStream(long clusterId, string cluster, long kindId, string stream)
    {
        DropUnseen(clusterId, kindId, cluster, stream, new StreamState(0, 0, 0, long.MaxValue, true));
        _streams.Remove((clusterId, kindId));
        Forms.Remove(clusterId, kindId);
        _session.Prepare("DELETE FROM streams WHERE cluster=$1 AND kind=$2", clusterId, kindId).ExecuteNonQuery();
    }

    private StreamState Put(string cluster, long clusterId, long kindId, Report report, ObjectChange change, StreamState state)
    {
        var now = change.Object.IsEmpty ? 0 : ReportDigest.Of(change.Namespace, change.Name, change.Object.Span);
        Row? row = null;
        using (var reader = _session.Prepare("SELECT id, mark, pass, shown, terms, revision, since, value FROM objects WHERE kind=$1 AND cluster=$2 AND ns=$3 AND shown IN ($4, $5) AND name=$6",
            kindId, clusterId, change.Namespace, MirroredName.Of(change.Name, cluster), MirroredName.Marked(change.Name, cluster), change.Name).ExecuteReader())
        {
            if (reader.Read())
            {
                var mark = unchecked((ulong)reader.GetInt64(1));
                var isAsItWas = !change.Object.IsEmpty && mark == now;
                row = new Row(reader.GetInt64(0), mark, reader.GetInt64(2), reader.GetString(3), unchecked((ulong)reader.GetInt64(4)), reader.GetInt64(5), reader.GetInt64(6), isAsItWas ? [] : (byte[])reader[7]);
            }
        }

        var key = new MirroredKey(cluster, report.Kind, change.Namespace, change.Name);
        if (change.Object.IsEmpty)
        {
            return row is null ? state : Drop(row, clusterId, kindId, key, state);
        }

        if (row is not null && row.Mark == now)
        {
            if (row.Pass != state.Pass)
            {
                _session.Prepare("UPDATE objects SET pass=$2 WHERE id=$1", row.Id, state.Pass).ExecuteNonQuery();
            }

            return state;
        }

        var at = _time.GetUtcNow().ToUnixTimeMilliseconds();
        var shown = row?.Shown ?? Name(kindId, change.Namespace, change.Name, cluster);
        var next = MirroredObject.Of(change.Object.Span, cluster, shown, ++_revision, report.ApiVersion, report.ObjectKind);
        var terms = TermsMark(next.Terms);
        byte[]? before = null;
        if (row is null)
        {
            var id = _session.Scalar(
                "INSERT INTO objects (kind, cluster, ns, name, shown, revision, since, pass, mark, value, terms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) RETURNING id",
                kindId, clusterId, change.Namespace, change.Name, shown, _revision, at, state.Pass, unchecked((long)now), PackedValue.Pack(next.Json), unchecked((long)terms));
            AddTerms(kindId, id, next.Terms);
        }
        else
        {
            before = End(row, clusterId, kindId, key, at, gone: false);
            _session.Prepare(
                "UPDATE objects SET revision=$2, since=$3, pass=$4, mark=$5, value=$6, terms=$7 WHERE id=$1",
                row.Id, _revision, at, state.Pass, unchecked((long)now), PackedValue.Pack(next.Json), unchecked((long)terms)).ExecuteNonQuery();
            if (row.Terms != terms)
            {
                var former = TermsOf(before);
                RemoveTerms(kindId, row.Id, former.Except(next.Terms, StringComparer.Ordinal));
                AddTerms(kindId, row.Id, next.Terms.Except(former, StringComparer.Ordinal));
            }
        }

        Changes.Add(new MirrorChange(_revision, key, shown, before, next.Json, clusterId));
        return state with { Digest = unchecked(state.Digest + now - (row?.Mark ?? 0)) };
    }

    private StreamState Drop(Row row, long clusterId, long kindId, MirroredKey key, StreamState state)
    {
        _revision++;
        var before = End(row, clusterId, kindId, key, _time.GetUtcNow().ToUnixTimeMilliseconds(), gone: true);
        _session.Prepare("DELETE FROM objects WHERE id=$1", row.Id).ExecuteNonQuery();
        RemoveTerms(kindId, row.Id, TermsOf(before));
        Changes.Add(new MirrorChange(_revision, key, row.Shown, before, null, clusterId));
        return state with { Digest = unchecked(state.Digest - row.Mark) };
    }

    private StreamState DropUnseen(long clusterId, long kindId, string cluster, string stream, StreamState state)
    {
        var unseen = new List<(long Id, string Namespace, string Name)>();
        using (var reader = _session.Prepare("SELECT id, ns, name FROM objects WHERE kind=$1 AND cluster=$2 AND pass<>$3", kindId, clusterId, state.Pass).ExecuteReader())
        {
            while (reader.Read())
            {
                unseen.Add((reader.GetInt64(0), reader.GetString(1), reader.GetString(2)));
            }
        }

        foreach (var (id, ns, name) in unseen)
        {
            state = Drop(Read(id), clusterId, kindId, new MirroredKey(cluster, stream, ns, name), state);
        }

        return state;
    }

    private Row Read(long id)
    {
        using var reader = _session.Prepare("SELECT mark, pass, shown, terms, revision, since, value FROM objects WHERE id=$1", id).ExecuteReader();
        reader.Read();
        return new Row(id, unchecked((ulong)reader.GetInt64(0)), reader.GetInt64(1), reader.GetString(2), unchecked((ulong)reader.GetInt64(3)), reader.GetInt64(4), reader.GetInt64(5), (byte[])reader[6]);
    }

    /// <summary>Puts the state that ends with the newest revision into the history.</summary>
    private byte[] End(Row row, long clusterId, long kindId, MirroredKey key, long at, bool gone)
    {
        _session.Prepare(
            "INSERT INTO history (ended, kind, cluster, ns, name, shown, began, since, until, gone, value) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
            _revision, kindId, clusterId, key.Namespace, key.Name, row.Shown, row.Revision, row.Since, at, gone ? 1 : 0, row.Value).ExecuteNonQuery();
        _history.Added(row.Value.Length);
        return PackedValue.Unpack(row.Value);
    }

    /// <summary>Tells apart what objects are found by; never 0, which stands in rows of a former build.</summary>
    private static ulong TermsMark(IReadOnlyList<string> terms)
    {
        var hash = new System.IO.Hashing.XxHash3();
        foreach (var term in terms)
        {
            hash.Append(System.Runtime.InteropServices.MemoryMarshal.AsBytes(term.AsSpan()));
            hash.Append("\n"u8);
        }

        return hash.GetCurrentHashAsUInt64() | 1;
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

    /// <summary>An object as it lies in the table.</summary>
    /// <param name="Id">Its row.</param>
    /// <param name="Mark">Of what was reported of it.</param>
    /// <param name="Pass">In which it was told of last.</param>
    /// <param name="Shown">The name it is shown under.</param>
    /// <param name="Terms">Of what it is found by; 0: not known.</param>
    /// <param name="Revision">Of this mirror.</param>
    /// <param name="Since">Unix milliseconds.</param>
    /// <param name="Value">Packed.</param>
    private sealed record Row(long Id, ulong Mark, long Pass, string Shown, ulong Terms, long Revision, long Since, byte[] Value);
}
