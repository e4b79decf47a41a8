using System.Collections.Concurrent;

namespace Ote.Cluster.Handling;

/// <summary>
/// Uids that an ancestor refused because their name is another's, with the words to tell them when they come again. Bounded: the
/// rest is refused again by the ancestor. Thread-safe.
/// </summary>
internal sealed class NameRefusals
{
    private const int Most = 10_000;
    private readonly ConcurrentDictionary<string, string> _byUid = new(StringComparer.Ordinal);

    public void Add(string uid, string text)
    {
        if (_byUid.Count < Most)
        {
            _byUid[uid] = text;
        }
    }

    public string? Find(string uid) => _byUid.GetValueOrDefault(uid);
}
