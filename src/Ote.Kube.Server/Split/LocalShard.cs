using System.Runtime.CompilerServices;
using Ote.Kube.Server.Store;
using Ote.Kube.Server.Watching;

namespace Ote.Kube.Server.Split;

/// <summary>A shard that is held here. Once it is let go of, nothing of it is answered any more; what is being answered then is waited for. Thread-safe.</summary>
/// <param name="shard">Its number.</param>
/// <param name="source">Its objects.</param>
/// <param name="time">The clock.</param>
internal sealed class LocalShard(int shard, IObjectSource source, TimeProvider time) : IShard, IAsyncDisposable
{
    /// <summary>How often another member that watches is told how far this has come, whatever happens: it knows by it that somebody answers.</summary>
    public static readonly TimeSpan Sign = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan OwnSign = TimeSpan.FromSeconds(30); // for bookmarks alone

    private const int MostUnread = 1000;
    private const int PageRows = 500;
    private readonly CancellationTokenSource _gone = new();
    private readonly TaskCompletionSource _left = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock _gate = new();
    private int _running;
    private bool _isGone;

    /// <inheritdoc/>
    public Task<ShardPiece> ListAsync(PageQuery query, CancellationToken cancellation) => RunAsync(
        async ct =>
        {
            var revision = source.Revision;
            return new ShardPiece(revision, await source.ListAsync(query, ct).ConfigureAwait(false));
        },
        cancellation);

    /// <inheritdoc/>
    public Task<StoredObject?> FindAsync(StoreKey key, DateTimeOffset? at, CancellationToken cancellation) => RunAsync(ct => source.FindAsync(key, at, ct).AsTask(), cancellation);

    /// <inheritdoc/>
    public Task<ShardFacts> LookAsync(CancellationToken cancellation) => RunAsync(
        async ct => new ShardFacts(source.Revision, source.KeptSince, await source.ClustersAsync(ct).ConfigureAwait(false), source.Kinds), cancellation);

    /// <inheritdoc/>
    public IAsyncEnumerable<ShardEvent> WatchAsync(string resource, long from, CancellationToken cancellation) => WatchAsync(resource, from, OwnSign, cancellation);

    /// <summary>The same, telling how far it has come at least so often.</summary>
    public async IAsyncEnumerable<ShardEvent> WatchAsync(string resource, long from, TimeSpan sign, [EnumeratorCancellation] CancellationToken cancellation)
    {
        Enter();
        try
        {
            using var ends = CancellationTokenSource.CreateLinkedTokenSource(cancellation, _gone.Token);
            using var changes = source.Changes.Subscribe(resource, MostUnread);
            if (from > changes.From)
            {
                throw new RevisionExpiredException(from, changes.From); // another holder's
            }

            await foreach (var past in PastAsync(resource, from, changes.From, ends.Token).ConfigureAwait(false))
            {
                yield return past;
            }

            yield return new ShardEvent(changes.From, null);
            using var signs = time.CreateTimer(static waiting => ((ChangeSubscription)waiting!).Poke(), changes, sign, sign);
            while (await NextAsync(changes, ends.Token, cancellation).ConfigureAwait(false))
            {
                var reached = changes.Published; // read before the buffer is: whatever is not in it by then lies beyond
                while (changes.TryTake(out var change))
                {
                    if (change is { ReadAfter: { } after })
                    {
                        await foreach (var past in PastAsync(resource, after, change.Revision, ends.Token).ConfigureAwait(false))
                        {
                            yield return past;
                        }
                    }
                    else if (change is not null)
                    {
                        yield return new ShardEvent(change.Revision, change);
                    }
                }

                yield return new ShardEvent(reached, null);
            }
        }
        finally
        {
            Leave();
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        lock (_gate)
        {
            _isGone = true;
            if (_running == 0)
            {
                _left.TrySetResult();
            }
        }

        await _gone.CancelAsync().ConfigureAwait(false);
        await _left.Task.ConfigureAwait(false);
        _gone.Dispose();
    }

    private async IAsyncEnumerable<ShardEvent> PastAsync(string resource, long after, long upTo, [EnumeratorCancellation] CancellationToken ct)
    {
        while (after < upTo)
        {
            Piece<Change> piece;
            try
            {
                piece = await source.ChangesAsync(resource, after, upTo, PageRows, ct).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (_gone.IsCancellationRequested)
            {
                throw Away();
            }

            foreach (var change in piece.Rows)
            {
                yield return new ShardEvent(change.Revision, change);
            }

            after = piece.More ? piece.Rows[^1].Revision : upTo;
        }
    }

    private async ValueTask<bool> NextAsync(ChangeSubscription changes, CancellationToken ends, CancellationToken asked)
    {
        try
        {
            return await changes.WaitAsync(ends).ConfigureAwait(false) ? true
                : throw new ShardAwayException(changes.Ended == ChangeSubscription.End.Overrun ? $"{MostUnread} changes of shard {shard} wait for who reads them" : Away().Message);
        }
        catch (OperationCanceledException) when (!asked.IsCancellationRequested)
        {
            throw Away();
        }
    }

    private async Task<T> RunAsync<T>(Func<CancellationToken, Task<T>> work, CancellationToken cancellation)
    {
        Enter();
        try
        {
            using var ends = CancellationTokenSource.CreateLinkedTokenSource(cancellation, _gone.Token);
            var answer = await work(ends.Token).ConfigureAwait(false);
            return _gone.IsCancellationRequested ? throw Away() : answer;
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw Away();
        }
        finally
        {
            Leave();
        }
    }

    private void Enter()
    {
        lock (_gate)
        {
            if (_isGone)
            {
                throw Away();
            }

            _running++;
        }
    }

    private void Leave()
    {
        lock (_gate)
        {
            if (--_running == 0 && _isGone)
            {
                _left.TrySetResult();
            }
        }
    }

    private ShardAwayException Away() => new($"shard {shard} is not held here any more");
}
