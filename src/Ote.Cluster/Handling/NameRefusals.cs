using System.Collections.Concurrent;

namespace Ote.Cluster.Handling;

/// <summary>
/// Uids that an ancestor refused because their name is another's, with the words to tell them when they come again. Bounded: the
/// rest is refused again by the ancestor, and so is who comes after a while, for the name may be free by then. Thread-safe.
/// </summary>
/// <param name="time">The clock.</param>
internal sealed class NameRefusals(TimeProvider time)
{
    private const int Most = 10_000;
    private static readonly TimeSpan Memory = TimeSpan.FromMinutes(5);
    private readonly ConcurrentDictionary<string, (string Text, long At)> _byUid = new(StringComparer.Ordinal);

    public void Add(string uid, string text)
    {
        if (_byUid.Count < Most)
        {
            _byUid[uid] = (text, time.GetTimestamp());
        }
    }

    public string? Find(string uid)
    {
        if (!_byUid.TryGetValue(uid, out var refusal))
        {
            return null;
        }

        if (time.GetElapsedTime(refusal.At) < Memory)
        {
            return refusal.Text;
        }

        _byUid.TryRemove(KeyValuePair.Create(uid, refusal));
        return null;
    }
}
