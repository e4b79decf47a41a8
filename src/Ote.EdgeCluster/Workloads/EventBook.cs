namespace Ote.EdgeCluster.Workloads;

/// <summary>
/// Which events are kept, the ones seen last; not thread-safe. An event that happens again is counted, not kept twice, and
/// the oldest makes room for a new one, so a cluster's events are bounded however long it lives.
/// </summary>
/// <param name="kept">The most events kept.</param>
internal sealed class EventBook(int kept)
{
    private readonly Dictionary<string, LinkedListNode<Entry>> _byName = new(StringComparer.Ordinal);
    private readonly LinkedList<Entry> _byAge = new();

    /// <summary>Notes that an event happened. Returns how often by now, and which event made room for it.</summary>
    /// <param name="key">Namespace and name of the event's object.</param>
    /// <param name="times">How often it happened; more than one when reading what was kept before.</param>
    public (long Count, string? Dropped) Note(string key, long times = 1)
    {
        if (_byName.TryGetValue(key, out var known))
        {
            known.Value = known.Value with { Count = known.Value.Count + times };
            _byAge.Remove(known);
            _byAge.AddLast(known);
            return (known.Value.Count, null);
        }

        _byName[key] = _byAge.AddLast(new Entry(key, times));
        if (_byAge.Count <= kept)
        {
            return (times, null);
        }

        var oldest = _byAge.First!.Value.Key;
        Forget(oldest);
        return (times, oldest);
    }

    /// <summary>The event's object is gone: next time it starts anew.</summary>
    public void Forget(string key)
    {
        if (_byName.Remove(key, out var known))
        {
            _byAge.Remove(known);
        }
    }

    private readonly record struct Entry(string Key, long Count);
}
