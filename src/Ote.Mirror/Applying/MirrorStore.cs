using System.Threading.Channels;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging;
using Ote.Kube.Mirrors;
using Ote.Kube.Server.Store;
using Ote.Kube.Server.Watching;
using Ote.Mirror.Reporting;
using Ote.Protocol.Reports;

namespace Ote.Mirror.Applying;

/// <summary>
/// What the clusters of the subtree have reported, on disk: written by their reports alone, read as Kubernetes objects. Reports that wait share a
/// transaction. Thread-safe.
/// </summary>
public sealed class MirrorStore : IObjectSource, IObjectMirror, IAsyncDisposable
{
    private const int MostWaiting = 256;
    private const int MostTogether = 128;
    private static readonly TimeSpan Pruning = TimeSpan.FromSeconds(30);

    private readonly MirrorDatabase _database;
    private readonly MirrorWriter _writer;
    private readonly StaleClusters _stale = new();
    private readonly MirrorReader _reader;
    private readonly MirrorLog _changes;
    private readonly MirrorHistory _history;
    private readonly HashSet<string> _resources;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private IReadOnlyDictionary<string, MirroredKind> _kinds = new Dictionary<string, MirroredKind>();
    private readonly Channel<Work> _waiting = Channel.CreateBounded<Work>(new BoundedChannelOptions(MostWaiting) { SingleReader = true });
    private readonly Task _writing;

    private MirrorStore(MirrorDatabase database, MirrorOptions options, TimeProvider time, ILogger log)
    {
        (_database, _time, _log) = (database, time, log);
        _resources = options.Streams.Select(ResourceOf).ToHashSet(StringComparer.Ordinal);
        (_reader, _changes) = (new MirrorReader(_stale), new MirrorLog(_stale));
        _history = new MirrorHistory(database.Writer, options, time);
        _writer = new MirrorWriter(database.Writer, _history, time);
        MarkUntilHeardOf();
        _kinds = ShownKinds();
        Changes = new ChangeHub(_writer.Revision, (_, _) => { });
        _writing = Task.Run(WriteAsync);
    }

    /// <inheritdoc/>
    public event Action<IReadOnlyList<MirroredKey>>? Changed;

    /// <inheritdoc/>
    public long Revision => Changes.Published;

    /// <inheritdoc/>
    public ChangeHub Changes { get; }

    /// <summary>Raised after a cluster began to tell or ceased to, on the writer's task: return quickly.</summary>
    public event Action? TellingChanged;

    /// <summary>Opens the mirror of a folder, which must exist and be the owner's alone.</summary>
    /// <exception cref="IOException">It cannot be opened; the message says what to do.</exception>
    public static MirrorStore Open(MirrorOptions options, TimeProvider time, ILogger log)
    {
        ArgumentNullException.ThrowIfNull(options);
        return new MirrorStore(new MirrorDatabase(options.Directory, options.FirstRevision, options.CacheKiB), options, time, log);
    }

    /// <inheritdoc/>
    public bool Has(string resource) => _resources.Contains(resource) || Volatile.Read(ref _kinds).ContainsKey(resource);

    /// <inheritdoc/>
    public IReadOnlyCollection<MirroredKind> Kinds => [.. Volatile.Read(ref _kinds).Values];

    /// <inheritdoc/>
    public event Action? KindsChanged;

    /// <summary>The kinds that are served from it whether or not they are reported, <c>group/plural</c>, in no order.</summary>
    public IReadOnlyList<string> Resources => [.. _resources];

    /// <summary>How far the streams of a cluster are here.</summary>
    public async Task<IReadOnlyList<StreamCursor>> CursorsAsync(string cluster)
    {
        IReadOnlyList<StreamCursor> cursors = [];
        await DoAsync(writer =>
        {
            cursors = writer.Cursors(cluster);
            return true;
        }).ConfigureAwait(false);
        return cursors;
    }

    /// <summary>Takes a report; when this completes it can be acknowledged.</summary>
    /// <returns>False when it does not go on where its stream ends here, or does not agree with it: the cluster is to be followed anew.</returns>
    /// <exception cref="IOException">The disk does not take it.</exception>
    public Task<bool> ApplyAsync(string cluster, Report report) => DoAsync(writer => writer.Apply(cluster, report));

    /// <summary>Says whether a cluster tells what there is in it, or what is here of it may be old.</summary>
    public Task TellsAsync(string cluster, bool tells) => DoAsync(writer =>
    {
        if (writer.Find(cluster) is { } id && IsAway(writer, id) == tells)
        {
            writer.Turn([id], tells ? null : _time.GetUtcNow());
        }

        return true;
    });

    /// <summary>Forgets a cluster and all it has told.</summary>
    public Task RemoveAsync(string cluster) => DoAsync(writer =>
    {
        if (writer.Find(cluster) is { } id)
        {
            var first = writer.Changes.Count;
            writer.Remove(cluster);
            for (var i = first; i < writer.Changes.Count; i++)
            {
                writer.Changes[i] = writer.Changes[i] with { Before = _stale.Mark(id, writer.Changes[i].Before!) }; // who watched saw them so last
            }

            _stale.Set([id], null); // another may get its number
        }

        return true;
    });

    /// <inheritdoc/>
    public ValueTask<StoredObject?> FindAsync(StoreKey key, CancellationToken cancellation) => _database.ReadAsync(_reader.Find, key, cancellation);

    /// <inheritdoc/>
    public ValueTask<MirroredState> LookAsync(MirroredKey key, string uid, CancellationToken ct) => ReadAsync(MirrorReader.Look, (key, uid), ct);

    /// <inheritdoc/>
    public ValueTask<MirroredCopies> ListAsync(string cluster, string kind, int most, CancellationToken ct) => ReadAsync(MirrorReader.Copies, (cluster, kind, most), ct);

    /// <inheritdoc/>
    public ValueTask<StoredObject?> FindAsync(StoreKey key, DateTimeOffset? at, CancellationToken cancellation) => at is { } moment
        ? _database.ReadAsync(MirrorPast.Find, (key, moment.ToUnixTimeMilliseconds()), cancellation)
        : FindAsync(key, cancellation);

    /// <inheritdoc/>
    public DateTimeOffset? KeptSince => _history.KeptSince;

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<string>> ClustersAsync(CancellationToken cancellation) => _database.ReadAsync(static (session, _) => MirrorReader.Clusters(session), 0, cancellation);

    /// <inheritdoc/>
    public ObjectOrigin? OriginOf(StoredObject stored) => Origin(stored);

    /// <summary>Whose object one is, of any mirror; null: it does not say.</summary>
    public static ObjectOrigin? Origin(StoredObject stored)
    {
        ArgumentNullException.ThrowIfNull(stored);
        return MirroredObject.OriginOf(stored.Json);
    }

    /// <summary>The kinds that a mirror with these streams serves, as <see cref="Resources"/> has them.</summary>
    public static IReadOnlyList<string> ResourcesOf(IReadOnlyList<string> streams) => [.. streams.Select(ResourceOf)];

    /// <inheritdoc/>
    public IReadOnlyList<string> NotShown(string resource) => NotShownOf(resource);

    /// <summary>What is not shown of a kind, of any mirror.</summary>
    public static IReadOnlyList<string> NotShownOf(string resource) => ReportedKind.TryParse(StreamOf(resource), out var kind, out _) ? kind.Dropped : [];

    /// <inheritdoc/>
    public ValueTask<Piece<StoredObject>> ListAsync(PageQuery query, CancellationToken cancellation) =>
        _database.ReadAsync<Piece<StoredObject>, PageQuery>(query?.At is null ? _reader.List : MirrorPast.List, query!, cancellation);

    /// <inheritdoc/>
    public ValueTask<Piece<Change>> ChangesAsync(string resource, long after, long upTo, int limit, CancellationToken cancellation) =>
        _database.ReadAsync(_changes.Changes, (resource, after, upTo, limit), cancellation);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        _waiting.Writer.TryComplete();
        await _writing.ConfigureAwait(false);
        Changes.Dispose();
        _database.Dispose();
    }

    /// <summary>The stream of a kind as the server names it: <c>apps/deployments</c> of <c>deployments.apps</c>.</summary>
    internal static string ResourceOf(string stream)
    {
        var dot = stream.IndexOf('.', StringComparison.Ordinal);
        return dot < 0 ? "/" + stream : $"{stream[(dot + 1)..]}/{stream[..dot]}";
    }

    /// <summary>The reverse of <see cref="ResourceOf"/>.</summary>
    internal static string StreamOf(string resource)
    {
        var slash = resource.IndexOf('/', StringComparison.Ordinal);
        return slash == 0 ? resource[1..] : $"{resource[(slash + 1)..]}.{resource[..slash]}";
    }

    private async ValueTask<T> ReadAsync<T, TArgument>(Func<Session, TArgument, T> read, TArgument argument, CancellationToken ct)
    {
        try
        {
            return await _database.ReadAsync(read, argument, ct).ConfigureAwait(false);
        }
        catch (SqliteException broken)
        {
            throw new IOException($"the mirror cannot be read: {broken.Message}. If it is damaged, stop, remove its folder and start: clusters tell all of it again.", broken);
        }
    }

    private async Task<bool> DoAsync(Func<MirrorWriter, bool> work)
    {
        var done = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
        await _waiting.Writer.WriteAsync(new Work(work, done)).ConfigureAwait(false);
        return await done.Task.ConfigureAwait(false);
    }

    private async Task WriteAsync()
    {
        var together = new List<Work>(MostTogether);
        var pruned = _time.GetTimestamp();
        while (await _waiting.Reader.WaitToReadAsync().ConfigureAwait(false))
        {
            together.Clear();
            while (together.Count < MostTogether && _waiting.Reader.TryRead(out var work))
            {
                together.Add(work);
            }

            await _database.EnterWriterAsync().ConfigureAwait(false);
            try
            {
                if (!TryCommit(together))
                {
                    // One of them cannot be taken: the others go by themselves.
                    together.ForEach(work => TryCommit([work]));
                }

                if (_time.GetElapsedTime(pruned) >= Pruning)
                {
                    pruned = _time.GetTimestamp();
                    Prune();
                }
            }
            finally
            {
                _database.LeaveWriter();
            }
        }
    }

    /// <summary>True when all of it is committed, or when it was a single one whose maker was told why not.</summary>
    private bool TryCommit(IReadOnlyList<Work> works)
    {
        var session = _database.Writer;
        try
        {
            session.Prepare("BEGIN IMMEDIATE").ExecuteNonQuery();
            var outcomes = works.Select(w => w.Do(_writer)).ToArray();
            _writer.Finish();
            session.Prepare("COMMIT").ExecuteNonQuery();
            Publish();
            for (var i = 0; i < works.Count; i++)
            {
                works[i].Done.SetResult(outcomes[i]);
            }

            return true;
        }
#pragma warning disable CA1031 // Whatever a report does must not end the writer: whoever brought it is told.
        catch (Exception fault)
#pragma warning restore CA1031
        {
            TakeBack(session);
            if (works.Count > 1)
            {
                return false;
            }

            works[0].Done.SetException(fault is SqliteException disk
                ? new IOException($"the mirror {session.Name} cannot be written: {disk.Message}. Free space; no restart is needed.", disk)
                : fault);
            return true;
        }
    }

    private void TakeBack(Session session)
    {
        try
        {
            session.Execute("ROLLBACK");
        }
        catch (SqliteException)
        {
            // There was no transaction, or the fault has ended it.
        }

        _writer.Forget();
    }

    /// <summary>Whether a cluster is marked as away once what this transaction did is done.</summary>
    private bool IsAway(MirrorWriter writer, long cluster) =>
        writer.Turns.LastOrDefault(t => t.Clusters.Contains(cluster)) is { } turn ? turn.Since is not null : _stale.Has(cluster);

    /// <summary>Nothing has been heard of any cluster yet: all are away. Watches that go on from before this process are told.</summary>
    private void MarkUntilHeardOf()
    {
        var away = _writer.Away();
        foreach (var (cluster, since) in away.Where(a => a.Value is not null))
        {
            _stale.Set([cluster], since);
        }

        var now = _time.GetUtcNow();
        long[] others = [.. away.Where(a => a.Value is null).Select(a => a.Key)];
        if (others.Length > 0)
        {
            _database.Writer.Prepare("BEGIN IMMEDIATE").ExecuteNonQuery();
            _writer.Turn(others, now);
            _writer.Finish();
            _database.Writer.Prepare("COMMIT").ExecuteNonQuery();
            _writer.Turns.Clear(); // nobody watches yet
            _stale.Set(others, now);
        }
    }

    private void Publish()
    {
        PublishKinds();
        var at = 0;
        foreach (var turn in _writer.Turns)
        {
            var before = at;
            at = _writer.Changes.FindIndex(at, c => c.Revision > turn.Start) is >= 0 and var next ? next : _writer.Changes.Count;
            Publish(before, at, turn.Start);
            _stale.Set(turn.Clusters, turn.Since);
            if (turn.Span > 0)
            {
                Changes.PublishFromSource(turn.Start, turn.End);
            }
        }

        Publish(at, _writer.Changes.Count, _writer.Revision);
        if (Changed is { } changed && _writer.Changes.Count > 0)
        {
            changed([.. _writer.Changes.Select(c => c.Key)]);
        }

        if (_writer.Turns.Count > 0)
        {
            TellingChanged?.Invoke();
        }

        _writer.Changes.Clear();
        _writer.Turns.Clear();
    }

    /// <summary>Of kinds that are served otherwise now, or no more, watches end: they went on by what the kind was.</summary>
    private void PublishKinds()
    {
        if (!_writer.Forms.HaveChanged)
        {
            return;
        }

        var (former, now) = (_kinds, ShownKinds());
        string[] others = [.. former.Keys.Union(now.Keys).Where(r => former.GetValueOrDefault(r)?.Form != now.GetValueOrDefault(r)?.Form)];
        Volatile.Write(ref _kinds, now);
        if (others.Length > 0)
        {
            KindsChanged?.Invoke();
            Array.ForEach(others, Changes.Close);
        }
    }

    private Dictionary<string, MirroredKind> ShownKinds() =>
        _writer.Forms.Take().Where(k => ShownStreams.MayBeShown(k.Group, k.Plural) && !_resources.Contains(k.Resource)).OrderBy(k => k.Resource, StringComparer.Ordinal).Take(ShownStreams.Most).ToDictionary(k => k.Resource, StringComparer.Ordinal);

    private void Publish(int from, int to, long last) => Changes.Publish(
        [.. _writer.Changes[from..to].Select(c => new Change(
            c.Revision, c.Before is null ? ChangeKind.Added : c.After is null ? ChangeKind.Deleted : ChangeKind.Modified,
            new StoreKey(ResourceOf(c.Key.Kind), c.Key.Namespace, c.Shown), c.After is null ? MirroredObject.AtRevision(c.Before!, c.Revision) : _stale.Mark(c.Cluster, c.After), c.Before))],
        last);

    private void Prune()
    {
        try
        {
            _history.Prune();
        }
        catch (SqliteException full)
        {
            TakeBack(_database.Writer);
            _log.HistoryNotPruned(full.Message);
        }
    }

    private sealed record Work(Func<MirrorWriter, bool> Do, TaskCompletionSource<bool> Done);
}
