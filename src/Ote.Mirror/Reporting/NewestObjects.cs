using System.Text.Json.Nodes;
using Ote.Kube.Objects;

namespace Ote.Mirror.Reporting;

/// <summary>Which objects of a kind are reported where that are the newest alone. Not thread-safe.</summary>
/// <param name="most">So many.</param>
internal sealed class NewestObjects(int most)
{
    private readonly Dictionary<(string Namespace, string Name), DateTimeOffset> _times = [];
    private readonly SortedSet<(DateTimeOffset Time, string Namespace, string Name)> _order = [];

    /// <summary>An object is there, as it is now.</summary>
    /// <returns>Which is not to be reported any more, for being the oldest of too many: it, or another; null: none.</returns>
    public (string Namespace, string Name)? Put(JsonObject obj)
    {
        var key = (obj.Namespace(), obj.Name());
        Remove(key);
        var time = TimeOf(obj);
        _times[key] = time;
        _order.Add((time, key.Item1, key.Item2));
        if (_times.Count <= most)
        {
            return null;
        }

        var oldest = _order.Min;
        Remove((oldest.Namespace, oldest.Name));
        return (oldest.Namespace, oldest.Name);
    }

    /// <summary>An object is gone.</summary>
    public void Remove((string Namespace, string Name) key)
    {
        if (_times.Remove(key, out var time))
        {
            _order.Remove((time, key.Namespace, key.Name));
        }
    }

    /// <summary>When it happened last: of an event as its writers say it in one way or another, of others when they were made.</summary>
    private static DateTimeOffset TimeOf(JsonObject obj) =>
        obj.Time("series", "lastObservedTime") ?? obj.Time("lastTimestamp") ?? obj.Time("eventTime") ?? obj.Time("metadata", "creationTimestamp") ?? DateTimeOffset.MinValue;
}
