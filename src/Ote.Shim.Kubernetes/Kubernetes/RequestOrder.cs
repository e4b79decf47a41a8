namespace Ote.Shim.Kubernetes.Kubernetes;

/// <summary>
/// Decides which requests may run: two whose keys are equal, or one inside the other, run in the order of arrival unless both only read;
/// all others run in parallel up to a bound. Pure: no task, no clock. Not thread-safe: one owner.
/// </summary>
internal sealed class RequestOrder(int capacity, int maxParallel)
{
    private readonly LinkedList<Place> _places = [];
    private readonly Queue<Place> _ready = new();
    private int _running;

    /// <summary>One request's place. A key ends with '/', so that being inside is being a prefix.</summary>
    internal sealed class Place(string key, bool writes)
    {
        public string Key => key;

        public bool Writes => writes;

        public bool Started { get; set; }

        public int Blockers { get; set; }

        public List<Place> Followers { get; } = [];

        public LinkedListNode<Place>? Node { get; set; }

        public bool Conflicts(Place other) => (writes || other.Writes)
            && (key.StartsWith(other.Key, StringComparison.Ordinal) || other.Key.StartsWith(key, StringComparison.Ordinal));
    }

    /// <summary>Requests that wait or run.</summary>
    public int Count => _places.Count;

    /// <summary>Takes a place at the end; null when full. Ask <see cref="Place.Started"/> whether it may run at once.</summary>
    public Place? TryEnter(string key, bool writes)
    {
        if (_places.Count >= capacity)
            return null;
        Place place = new(key, writes);
        foreach (Place earlier in _places)
        {
            if (!place.Conflicts(earlier))
                continue;
            earlier.Followers.Add(place);
            place.Blockers++;
        }
        place.Node = _places.AddLast(place);
        if (place.Blockers == 0)
            _ready.Enqueue(place);
        Start();
        return place;
    }

    /// <summary>Gives a place up, whether it ran or not; returns those that may run now. A second call does nothing.</summary>
    public IReadOnlyList<Place> Leave(Place place)
    {
        if (place.Node is null)
            return [];
        _places.Remove(place.Node);
        place.Node = null;
        if (place.Started)
            _running--;
        foreach (Place follower in place.Followers)
        {
            if (--follower.Blockers == 0 && follower.Node is not null)
                _ready.Enqueue(follower);
        }
        return Start();
    }

    private List<Place> Start()
    {
        List<Place> started = [];
        while (_running < maxParallel && _ready.TryDequeue(out Place? next))
        {
            if (next.Node is null)
                continue; // left while it waited
            next.Started = true;
            _running++;
            started.Add(next);
        }
        return started;
    }
}
