using System.Collections.Concurrent;

namespace Ote.Kube.Server.Watching;

/// <summary>
/// Runs the watches that a commit woke: a few workers take one after the other and let it write while its connection takes it. A thousand watchers so
/// cost a thousand short calls, not a thousand entries in the thread pool's queue, in which the requests of others would wait behind them. Thread-safe.
/// </summary>
/// <param name="workers">How many run at once, at most.</param>
internal sealed class FanOut(int workers) : IThreadPoolWorkItem
{
    /// <summary>Then a worker lets what else waits for its thread go first.</summary>
    private const int MostAtOnce = 64;

    // Each open subscription is in it once at most: one that is in it does not wait.
    private readonly ConcurrentQueue<ChangeSubscription> _woken = new();
    private int _running;

    /// <summary>Has a reader that was found waiting run soon.</summary>
    public void Add(ChangeSubscription subscription)
    {
        _woken.Enqueue(subscription);
        Start();
    }

    /// <summary>The same for many.</summary>
    public void Add(List<ChangeSubscription> subscriptions)
    {
        foreach (var subscription in subscriptions)
        {
            Add(subscription);
        }
    }

    void IThreadPoolWorkItem.Execute()
    {
        for (var i = 0; i < MostAtOnce; i++)
        {
            if (!_woken.TryDequeue(out var subscription))
            {
                Interlocked.Decrement(ref _running);
                // Something may have come between the look and the leaving, and its bringer have seen this worker still there.
                if (!_woken.IsEmpty)
                {
                    Start();
                }

                return;
            }

            subscription.Resume();
        }

        ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
    }

    private void Start()
    {
        // Also orders the entry before the count: either a worker that leaves sees the entry, or it has left here.
        Interlocked.MemoryBarrier();
        for (var running = Volatile.Read(ref _running); running < workers; running = Volatile.Read(ref _running))
        {
            if (Interlocked.CompareExchange(ref _running, running + 1, running) == running)
            {
                ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
                return;
            }
        }
    }
}
