using System.Diagnostics.Metrics;

namespace Ote.Cluster.Tunnel;

/// <summary>
/// Lets only so many TLS handshakes run at once, because thousands at once all take too long: each is given up half done, and comes again.
/// Whoever came last goes first: he has the most patience left, while the first of a long queue have mostly left, or soon will.
/// Thread-safe.
/// </summary>
/// <param name="slots">Handshakes at once, at least 1.</param>
/// <param name="time">The clock.</param>
/// <param name="queued">Counts the connections that wait.</param>
internal sealed class HandshakeGate(int slots, TimeProvider time, UpDownCounter<long> queued)
{
    /// <summary>A handshake that takes longer, because its peer is slow or means ill, no longer holds others up.</summary>
    public static readonly TimeSpan LongestTurn = TimeSpan.FromSeconds(2);

    /// <summary>Connections that wait at once; one more turns the oldest away.</summary>
    public const int MostWaiting = 20_000;

    private readonly Lock gate = new();
    private readonly LinkedList<TaskCompletionSource<bool>> waiting = new();
    private int free = slots;

    /// <summary>Waits for a turn; null when turned away because too many wait.</summary>
    /// <exception cref="OperationCanceledException">The token fired first.</exception>
    public async ValueTask<Turn?> EnterAsync(CancellationToken ct)
    {
        ct.ThrowIfCancellationRequested();
        LinkedListNode<TaskCompletionSource<bool>> node;
        TaskCompletionSource<bool>? oldest = null;
        lock (gate)
        {
            if (free > 0)
            {
                free--;
                return new Turn(this);
            }

            node = waiting.AddFirst(new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously));
            if (waiting.Count > MostWaiting)
            {
                oldest = waiting.Last!.Value;
                waiting.RemoveLast();
            }
        }

        oldest?.TrySetResult(false);
        queued.Add(1);
        try
        {
            return await node.Value.Task.WaitAsync(ct).ConfigureAwait(false) ? new Turn(this) : null;
        }
        catch (OperationCanceledException)
        {
            bool given;
            lock (gate)
            {
                given = node.List is null;
                if (!given) waiting.Remove(node);
            }

            // The turn came at the same moment: it is the next one's.
            if (given && await node.Value.Task.ConfigureAwait(false)) Leave();
            throw;
        }
        finally
        {
            queued.Add(-1);
        }
    }

    private ITimer Limit(Turn turn) => time.CreateTimer(static turn => ((Turn)turn!).Leave(), turn, LongestTurn, Timeout.InfiniteTimeSpan);

    private void Leave()
    {
        TaskCompletionSource<bool> next;
        lock (gate)
        {
            if (waiting.First is not { } first)
            {
                free++;
                return;
            }

            next = first.Value;
            waiting.RemoveFirst();
        }

        next.SetResult(true);
    }

    /// <summary>One handshake's right to run; ends when left, at the latest after <see cref="LongestTurn"/>.</summary>
    internal sealed class Turn
    {
        private readonly ITimer timer;
        private HandshakeGate? gate;

        public Turn(HandshakeGate gate)
        {
            this.gate = gate;
            timer = gate.Limit(this);
        }

        /// <summary>Any number of times.</summary>
        public void Leave()
        {
            if (Interlocked.Exchange(ref gate, null) is not { } left) return;
            timer?.Dispose(); // null when the time was up before the constructor was through
            left.Leave();
        }
    }
}
