using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging;
using Ote.Kube.Server.Watching;

namespace Ote.Kube.Server.Store;

/// <summary>
/// Objects by key, each change at a new revision, durable when its write completes. Writers that come at once share one
/// transaction and so one flush to disk; there is no thread or task while nobody writes. Readers do not wait for writers.
/// Thread-safe.
/// </summary>
internal sealed class ObjectStore : IAsyncDisposable
{
    private readonly StoreOptions _options;
    private readonly Database _database;
    private readonly StoreMetrics _metrics;
    private readonly TimeProvider _time;
    private readonly Lock _gate = new();
    private readonly Queue<Pending> _pending = new();
    private readonly TaskCompletionSource _drained = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly HeldHistory _held;
    private bool _draining;
    private bool _closed;
    private long _last;
    private long _compacted;

    public ObjectStore(StoreOptions options, StoreMetrics metrics, TimeProvider time, ILogger log)
    {
        _options = options;
        _metrics = metrics;
        _time = time;
        _database = new Database(options);
        _last = LogReader.LastRevision(_database.Writer);
        _compacted = LogReader.Compacted(_database.Writer);
        _held = LogReader.Held(_database.Writer, _compacted);
        _metrics.Opened(LogReader.CurrentObjects(_database.Writer));
        Installed = LogReader.Installed(_database.Writer);
        LeastGeneration = LogReader.LeastGeneration(_database.Writer);
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
        catch (Microsoft.Data.Sqlite.SqliteException fault)
        {
            throw new StoreFailedException($"The store cannot be written: {fault.Message}", fault);
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
    public Task<WriteResult> WriteAsync(StoreWrite write)
    {
        var pending = new Pending(write);
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

    /// <summary>The current object, or null.</summary>
    public ValueTask<StoredObject?> FindAsync(StoreKey key, CancellationToken cancellation) =>
        _database.ReadAsync(LogReader.Find, key, cancellation);

    /// <summary>A page of objects as they stood at the query's revision, by namespace and name.</summary>
    /// <exception cref="RevisionExpiredException">The revision was compacted.</exception>
    public async ValueTask<List<StoredObject>> ListAsync(PageQuery query, CancellationToken cancellation)
    {
        var rows = await _database.ReadAsync(LogReader.List, query, cancellation).ConfigureAwait(false);
        // Checked after the read: a compaction that overtook it would have taken rows the page should hold.
        ThrowIfCompacted(query.Revision);
        return rows;
    }

    /// <summary>Changes of one kind after a revision, oldest first.</summary>
    /// <exception cref="RevisionExpiredException">Some of them were compacted.</exception>
    public async ValueTask<List<Change>> ChangesAsync(string resource, long after, long upTo, int limit, CancellationToken cancellation)
    {
        var changes = await _database.ReadAsync(LogReader.Changes, (resource, after, upTo, limit), cancellation).ConfigureAwait(false);
        ThrowIfCompacted(after);
        return changes;
    }

    /// <summary>Keys of objects that name an owner's uid, in order.</summary>
    /// <param name="owner">The uid.</param>
    /// <param name="limit">Most keys.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <param name="after">Begin beyond this key; null: at the first.</param>
    public ValueTask<List<StoreKey>> OwnedByAsync(string owner, int limit, CancellationToken cancellation, StoreKey? after = null) =>
        _database.ReadAsync(LogReader.OwnedBy, (owner, limit, after ?? new StoreKey("", "", "")), cancellation);

    /// <summary>
    /// Keys of objects whose deletion has begun and is not over, and perhaps of some that speak of a deletion elsewhere. Reads every object: for the start alone.
    /// </summary>
    public ValueTask<List<StoreKey>> GoingAsync(CancellationToken cancellation) => _database.ReadAsync(LogReader.Holding, "\"deletionTimestamp\""u8.ToArray(), cancellation);

    /// <summary>Uids that are named as owners, in order.</summary>
    public ValueTask<List<string>> OwnersAsync(string after, int limit, CancellationToken cancellation) =>
        _database.ReadAsync(LogReader.OwnersAfter, (after, limit), cancellation);

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
                bytes += next.Write.Value.Length;
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
                (results[i], var change) = LogWriter.Apply(session, batch[i].Write, last + 1);
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

        var failed = new StoreFailedException($"The store could not commit: {fault.Message}", fault);
        foreach (var pending in batch)
        {
            pending.Done.SetException(failed);
        }
    }

    private sealed class Pending(StoreWrite write)
    {
        public StoreWrite Write => write;

        public TaskCompletionSource<WriteResult> Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
