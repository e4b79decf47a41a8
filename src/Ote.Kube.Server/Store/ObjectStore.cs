using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging;
using Ote.Kube.Server.Watching;

namespace Ote.Kube.Server.Store;

/// <summary>
/// Objects by key, each change at a new revision, durable when its write completes. Writers that come at once share one
/// transaction and so one flush to disk; there is no thread or task while nobody writes. Readers do not wait for writers.
/// Thread-safe.
/// </summary>
internal sealed class ObjectStore : IObjectStore, IAsyncDisposable
{
    private static readonly TimeSpan ProofEvery = TimeSpan.FromSeconds(1);
    private readonly StoreOptions _options;
    private readonly Database _database;
    private readonly StoreMetrics _metrics;
    private readonly TimeProvider _time;
    private readonly Lock _gate = new();
    private readonly Queue<Pending> _pending = new();
    private readonly TaskCompletionSource _drained = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly HeldHistory _held;
    private readonly StoreHealth _health;
    private IReadOnlyList<StoreKey> _going;
    private long _provedAt;
    private bool _draining;
    private bool _closed;
    private long _last;
    private long _compacted;

    /// <summary>Opens the database that the options name.</summary>
    /// <exception cref="StoreFailedException">It is in use, damaged, or cannot be written; the message names it and the way out.</exception>
    public ObjectStore(StoreOptions options, StoreMetrics metrics, TimeProvider time, ILogger log)
        : this(options, new Database(options), metrics, time, log)
    {
    }

    /// <summary>Works with an open database, and closes it.</summary>
    /// <exception cref="StoreFailedException">It is damaged.</exception>
    public ObjectStore(StoreOptions options, Database database, StoreMetrics metrics, TimeProvider time, ILogger log)
    {
        _options = options;
        _metrics = metrics;
        _time = time;
        _database = database;
        _health = new StoreHealth(database.Name, metrics, log);
        try
        {
            _last = LogReader.LastRevision(database.Writer);
            _compacted = LogReader.Compacted(database.Writer);
            _held = LogReader.Held(database.Writer, _compacted);
            var found = Inspection.Of(database.Writer);
            _going = found.Going;
            _metrics.Opened(found.Objects);
            Installed = LogReader.Installed(database.Writer);
            LeastGeneration = LogReader.LeastGeneration(database.Writer);
        }
        catch (SqliteException fault)
        {
            database.Dispose();
            throw database.Fault(fault);
        }
        catch
        {
            database.Dispose();
            throw;
        }

        Changes = new ChangeHub(_last, (change, fault) => log.ListenerFailed(change.Key.ToString(), change.Revision, fault));
    }

    /// <summary>Live changes in commit order.</summary>
    public ChangeHub Changes { get; }

    /// <summary>The newest revision readers may ask for: everything up to it is durable and was handed to watchers.</summary>
    public long Revision => Changes.Published;

    /// <summary>Changes at or before this revision are gone.</summary>
    public long Compacted => Interlocked.Read(ref _compacted);

    /// <summary>What <see cref="NoteInstalledAsync"/> noted last in this store; 0 when nothing.</summary>
    public long Installed { get; private set; }

    /// <summary>The least generation an object may get that changes: more than a server this store was restored from can have given. 0 where it began.</summary>
    public long LeastGeneration { get; }

    /// <summary>Notes durably what the definitions stored now were installed from. Only while the server starts: nothing else may be writing.</summary>
    /// <exception cref="StoreFailedException">The disk refused it.</exception>
    public async ValueTask NoteInstalledAsync(long mark)
    {
        await _database.EnterWriterAsync().ConfigureAwait(false);
        try
        {
            LogWriter.NoteInstalled(_database.Writer, mark);
            Installed = mark;
        }
        catch (SqliteException fault)
        {
            throw _database.Fault(fault);
        }
        finally
        {
            _database.LeaveWriter();
        }
    }

    /// <summary>
    /// Queues a write and completes when it is durable or refused. Once queued it is not taken back, so there is no token.
    /// </summary>
    /// <exception cref="StoreBusyException">The queue is full or the store is closing.</exception>
    /// <exception cref="StoreFailedException">The disk refused the transaction.</exception>
    public Task<WriteResult> WriteAsync(StoreWrite write) => EnqueueAsync(new Pending(write));

    /// <summary>What keeps the store from doing as asked, as far as is known already; null when nothing does.</summary>
    public StoreFailedException? Fault => _health.Fault;

    /// <summary>
    /// What keeps the store from doing as asked; null when nothing does. After a failed commit it tries, once a second at most, whether another succeeds: somebody who only looks
    /// hears of it too when there is room again.
    /// </summary>
    public async Task<StoreFailedException?> TroubleAsync()
    {
        var before = Interlocked.Read(ref _provedAt);
        if (_health.Fault is not { Trouble: not StoreTrouble.Damaged } fault || _time.GetElapsedTime(before) < ProofEvery
            || Interlocked.CompareExchange(ref _provedAt, _time.GetTimestamp(), before) != before)
        {
            return _health.Fault;
        }

        try
        {
            await EnqueueAsync(new Pending(null)).ConfigureAwait(false);
        }
        catch (Exception still) when (still is StoreFailedException or StoreBusyException)
        {
            // Noted where it failed; or others wait for the same answer.
            return _health.Fault ?? fault;
        }

        return _health.Fault;
    }

    private Task<WriteResult> EnqueueAsync(Pending pending)
    {
        lock (_gate)
        {
            if (_closed)
            {
                throw new StoreBusyException("the store is closing");
            }

            if (_pending.Count >= _options.QueuedWrites)
            {
                throw new StoreBusyException($"{_options.QueuedWrites} writes are waiting already");
            }

            _pending.Enqueue(pending);
            if (_draining)
            {
                return pending.Done.Task;
            }

            _draining = true;
        }

        ThreadPool.UnsafeQueueUserWorkItem(static store => _ = store.DrainAsync(), this, preferLocal: false);
        return pending.Done.Task;
    }

    /// <inheritdoc/>
    public bool Has(string resource) => true;

    /// <summary>The current object, or null.</summary>
    public ValueTask<StoredObject?> FindAsync(StoreKey key, CancellationToken cancellation) =>
        ReadAsync(LogReader.Find, key, cancellation);

    /// <summary>A piece of the objects as they stood at the query's revision, by namespace and name.</summary>
    /// <exception cref="RevisionExpiredException">The revision was compacted.</exception>
    public async ValueTask<Piece<StoredObject>> ListAsync(PageQuery query, CancellationToken cancellation)
    {
        var piece = await ReadAsync(PageReader.List, query, cancellation).ConfigureAwait(false);
        // Checked after the read: a compaction that overtook it would have taken rows the piece should hold.
        ThrowIfCompacted(query.Revision);
        return piece;
    }

    /// <summary>A piece of the changes of one kind after a revision, oldest first.</summary>
    /// <exception cref="RevisionExpiredException">Some of them were compacted.</exception>
    public async ValueTask<Piece<Change>> ChangesAsync(string resource, long after, long upTo, int limit, CancellationToken cancellation)
    {
        var changes = await ReadAsync(LogReader.Changes, (resource, after, upTo, limit), cancellation).ConfigureAwait(false);
        ThrowIfCompacted(after);
        return changes;
    }

    /// <summary>Keys of objects that name an owner's uid, in order.</summary>
    /// <param name="owner">The uid.</param>
    /// <param name="limit">Most keys.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <param name="after">Begin beyond this key; null: at the first.</param>
    public ValueTask<List<StoreKey>> OwnedByAsync(string owner, int limit, CancellationToken cancellation, StoreKey? after = null) =>
        ReadAsync(LogReader.OwnedBy, (owner, limit, after ?? new StoreKey("", "", "")), cancellation);

    /// <summary>Keys of objects whose deletion had begun and was not over when the store was opened, and perhaps of some that speak of a deletion elsewhere. Given once.</summary>
    public IReadOnlyList<StoreKey> TakeGoing() => Interlocked.Exchange(ref _going, []);

    /// <summary>Uids that are named as owners, in order.</summary>
    public ValueTask<List<string>> OwnersAsync(string after, int limit, CancellationToken cancellation) =>
        ReadAsync(LogReader.OwnersAfter, (after, limit), cancellation);

    public async ValueTask DisposeAsync()
    {
        bool wait;
        lock (_gate)
        {
            if (_closed)
            {
                return;
            }

            _closed = true;
            wait = _draining;
        }

        if (wait)
        {
            await _drained.Task.ConfigureAwait(false);
        }

        Changes.Dispose();
        _database.Dispose();
    }

    private async ValueTask<T> ReadAsync<T, TArgument>(Func<Session, TArgument, T> read, TArgument argument, CancellationToken cancellation)
    {
        try
        {
            return await _database.ReadAsync(read, argument, cancellation).ConfigureAwait(false);
        }
        catch (StoreFailedException fault)
        {
            _health.Failed(fault);
            throw;
        }
    }

    private void ThrowIfCompacted(long revision)
    {
        var compacted = Compacted;
        if (revision < compacted)
        {
            throw new RevisionExpiredException(revision, compacted);
        }
    }

    private async Task DrainAsync()
    {
        while (TakeBatch() is { } batch)
        {
            await _database.EnterWriterAsync().ConfigureAwait(false);
            try
            {
                Commit(batch);
            }
            finally
            {
                _database.LeaveWriter();
            }
        }
    }

    private List<Pending>? TakeBatch()
    {
        lock (_gate)
        {
            if (_pending.Count == 0)
            {
                _draining = false;
                if (_closed)
                {
                    _drained.TrySetResult();
                }

                return null;
            }

            var batch = new List<Pending>();
            var bytes = 0L;
            while (batch.Count < _options.BatchWrites && _pending.TryPeek(out var next) && (batch.Count == 0 || bytes < _options.BatchBytes))
            {
                bytes += next.Write?.Value.Length ?? 0;
                batch.Add(_pending.Dequeue());
            }

            return batch;
        }
    }

    private void Commit(List<Pending> batch)
    {
        var began = _time.GetTimestamp();
        var results = new WriteResult[batch.Count];
        var changes = new List<Change>(batch.Count);
        var last = _last;
        var compacted = _compacted;
        var compactTo = compacted;
        var coming = 0L;
        try
        {
            var session = _database.Writer;
            session.Execute("BEGIN IMMEDIATE");
            for (var i = 0; i < batch.Count; i++)
            {
                if (batch[i].Write is not { } write)
                {
                    LogWriter.Try(session);
                    continue;
                }

                (results[i], var change) = LogWriter.Apply(session, write, last + 1);
                if (change is not null)
                {
                    last++;
                    changes.Add(change);
                    coming += HeldHistory.Of(change);
                }
            }

            compactTo = CompactionTarget(last, coming);
            if (compactTo > compacted)
            {
                // Told before it is done: a reader that sees the rows gone must also see why.
                Interlocked.Exchange(ref _compacted, compactTo);
                LogWriter.Compact(session, compacted, compactTo);
            }

            session.Execute("COMMIT");
        }
#pragma warning disable CA1031 // Whatever refused the transaction, each waiting caller must hear of it.
        catch (Exception fault)
#pragma warning restore CA1031
        {
            Interlocked.Exchange(ref _compacted, compacted);
            Fail(batch, fault);
            return;
        }

        _last = last;
        _health.Committed();
        foreach (var change in changes)
        {
            _held.Add(change.Revision, HeldHistory.Of(change));
        }

        _held.Drop(compactTo);
        try
        {
            Changes.Publish(changes, last);
            _metrics.Committed(batch.Count, changes, _time.GetElapsedTime(began));
        }
        finally
        {
            // Whoever listens may fail; the writes are durable, and their callers wait.
            for (var i = 0; i < batch.Count; i++)
            {
                batch[i].Done.SetResult(results[i]);
            }
        }
    }

    /// <summary>
    /// Compaction rides on commits, in steps small enough not to be felt, and starts only when a step's worth is due: of changes, or of bytes they keep.
    /// </summary>
    private long CompactionTarget(long last, long coming)
    {
        const int Step = 1000;
        var due = last - _options.HistoryKept - _compacted;
        var counted = due < Math.Min(Step, Math.Max(1, _options.HistoryKept / 10)) ? _compacted : _compacted + Math.Min(due, 2 * Step);
        return Math.Max(counted, _held.Beyond(_options.HistoryBytes, coming, 2 * Step));
    }

    private void Fail(List<Pending> batch, Exception fault)
    {
        try
        {
            _database.Writer.Execute("ROLLBACK");
        }
        catch (SqliteException)
        {
            // SQLite rolled back by itself (disk full, I/O error): there is no transaction left to end.
        }

        var failed = fault switch
        {
            StoreFailedException known => known,
            SqliteException refused => _database.Fault(refused),
            _ => new StoreFailedException($"The database {_database.Name} could not commit: {fault.Message}", StoreTrouble.Failed, fault),
        };
        _health.Failed(failed);
        foreach (var pending in batch)
        {
            pending.Done.SetException(failed);
        }
    }

    /// <param name="write">Null to try whether anything can be written.</param>
    private sealed class Pending(StoreWrite? write)
    {
        public StoreWrite? Write => write;

        public TaskCompletionSource<WriteResult> Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
