namespace Ote.Shim.Kubernetes.Kubernetes;

/// <summary>Waits by <see cref="RequestOrder"/>. Thread-safe.</summary>
internal sealed class RequestQueue(int capacity, int maxParallel)
{
    private readonly Lock _lock = new();
    private readonly RequestOrder _order = new(capacity, maxParallel);
    private readonly Dictionary<RequestOrder.Place, TaskCompletionSource> _waiting = [];

    /// <summary>Requests that wait or run.</summary>
    public int Length
    {
        get
        {
            lock (_lock)
                return _order.Count;
        }
    }

    /// <summary>Takes a place now, before the call returns; null when full. Dispose the turn to let the next ones run.</summary>
    public Turn? TryEnter(string key, bool writes)
    {
        lock (_lock)
        {
            RequestOrder.Place? place = _order.TryEnter(key, writes);
            if (place is null)
                return null;
            TaskCompletionSource? wait = null;
            if (!place.Started)
                _waiting.Add(place, wait = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
            return new Turn(this, place, wait?.Task ?? Task.CompletedTask);
        }
    }

    private void Leave(RequestOrder.Place place)
    {
        lock (_lock)
        {
            _waiting.Remove(place);
            foreach (RequestOrder.Place next in _order.Leave(place))
            {
                if (_waiting.Remove(next, out TaskCompletionSource? wait))
                    wait.SetResult();
            }
        }
    }

    /// <summary>A request's turn.</summary>
    internal sealed class Turn(RequestQueue queue, RequestOrder.Place place, Task mayRun) : IDisposable
    {
        /// <summary>Completes when the request may run.</summary>
        public Task MayRun => mayRun;

        public void Dispose() => queue.Leave(place);
    }
}
