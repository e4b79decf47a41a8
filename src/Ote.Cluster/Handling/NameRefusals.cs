using System.Collections.Concurrent;
using Google.Protobuf;

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
    private static readonly TimeSpan MemoryOfMembers = TimeSpan.FromSeconds(20);
    private readonly ConcurrentDictionary<string, (string Text, ByteString? Shown, long At)> _byUid = new(StringComparer.Ordinal);

    /// <summary>Remembers a refusal.</summary>
    /// <param name="uid">Whose.</param>
    /// <param name="text">Why.</param>
    /// <param name="shown">The proof of membership that did not do; null when it was refused for something else.</param>
    public void Add(string uid, string text, ByteString? shown = null)
    {
        if (_byUid.Count < Most)
        {
            _byUid[uid] = (text, shown, time.GetTimestamp());
        }
    }

    /// <summary>
    /// Why one that comes again is refused; null when it is not, as one that shows another proof. Whom the root has admitted may soon come again though
    /// another has its name: that one may have slipped in while the root was away, and the root sends it off.
    /// </summary>
    public string? Find(string uid, ByteString shown)
    {
        if (!_byUid.TryGetValue(uid, out var refusal) || (refusal.Shown is { } before && !before.Equals(shown)))
        {
            return null;
        }

        if (time.GetElapsedTime(refusal.At) < (refusal.Shown is null && !shown.IsEmpty ? MemoryOfMembers : Memory))
        {
            return refusal.Text;
        }

        _byUid.TryRemove(KeyValuePair.Create(uid, refusal));
        return null;
    }
}
