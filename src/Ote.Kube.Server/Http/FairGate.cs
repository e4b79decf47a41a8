namespace Ote.Kube.Server.Http;

/// <summary>
/// Lets so many requests in at once. The others wait in a bounded queue for each user, and users take turns, so one who floods holds up itself.
/// Thread-safe.
/// </summary>
/// <param name="seats">Requests inside at once.</param>
/// <param name="perUser">Requests of one user that may wait.</param>
/// <param name="inAll">Requests that may wait altogether.</param>
/// <param name="patience">How long one waits at most.</param>
/// <param name="time">The clock.</param>
internal sealed class FairGate(int seats, int perUser, int inAll, TimeSpan patience, TimeProvider time)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, UserQueue> _users = new(StringComparer.Ordinal);
    private readonly LinkedList<UserQueue> _turns = [];
    private int _free = seats;
    private int _waiting;

    /// <summary>Requests that wait.</summary>
    public int Waiting => Volatile.Read(ref _waiting);

    /// <summary>Waits for a seat, which is given back by <see cref="Leave"/>.</summary>
    /// <param name="user">Whose turn it takes.</param>
    /// <param name="cancellation">Gives up; then there is no seat.</param>
    /// <returns>Whether there is a seat; false: too many wait, or it took too long.</returns>
    public async ValueTask<bool> EnterAsync(string user, CancellationToken cancellation)
    {
        Waiter waiter;
        lock (_gate)
        {
            if (_free > 0)
            {
                _free--;
                return true;
            }

            var queue = _users.GetValueOrDefault(user);
            if (_waiting >= inAll || queue?.Waiters.Count >= perUser)
            {
                return false;
            }

            if (queue is null)
            {
                _users[user] = queue = new UserQueue(user);
                _turns.AddLast(queue.Turn);
            }

            waiter = new Waiter(queue);
            queue.Waiters.AddLast(waiter.Place);
            _waiting++;
        }

        try
        {
            await waiter.Seated.Task.WaitAsync(patience, time, cancellation).ConfigureAwait(false);
            return true;
        }
        catch (TimeoutException)
        {
            return !GiveUp(waiter);
        }
        catch (OperationCanceledException)
        {
            if (!GiveUp(waiter))
            {
                Leave();
            }

            throw;
        }
    }

    /// <summary>Gives a seat back: to the user whose turn it is.</summary>
    public void Leave()
    {
        lock (_gate)
        {
            if (_turns.First is not { Value: var queue })
            {
                _free++;
                return;
            }

            var next = queue.Waiters.First!.Value;
            Remove(next);
            if (queue.Waiters.Count > 0)
            {
                _turns.Remove(queue.Turn);
                _turns.AddLast(queue.Turn);
            }

            next.Seated.SetResult();
        }
    }

    /// <summary>Takes one out of its queue. False: it has a seat already.</summary>
    private bool GiveUp(Waiter waiter)
    {
        lock (_gate)
        {
            if (waiter.Seated.Task.IsCompleted)
            {
                return false;
            }

            Remove(waiter);
            return true;
        }
    }

    private void Remove(Waiter waiter)
    {
        waiter.Queue.Waiters.Remove(waiter.Place);
        _waiting--;
        if (waiter.Queue.Waiters.Count == 0)
        {
            _turns.Remove(waiter.Queue.Turn);
            _users.Remove(waiter.Queue.User);
        }
    }

    private sealed class UserQueue
    {
        public UserQueue(string user) => (User, Turn) = (user, new LinkedListNode<UserQueue>(this));

        public string User { get; }

        public LinkedListNode<UserQueue> Turn { get; }

        public LinkedList<Waiter> Waiters { get; } = [];
    }

    private sealed class Waiter
    {
        public Waiter(UserQueue queue) => (Queue, Place) = (queue, new LinkedListNode<Waiter>(this));

        public UserQueue Queue { get; }

        public LinkedListNode<Waiter> Place { get; }

        public TaskCompletionSource Seated { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
