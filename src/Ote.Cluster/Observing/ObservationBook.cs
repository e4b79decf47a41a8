using System.Collections.Immutable;
using Ote.Kube.Mirrors;

namespace Ote.Cluster.Observing;

/// <summary>
/// Who waits for which object to be in the mirror, over all commands of a control entry. Bounded: who finds no room asks again later. Thread-safe.
/// </summary>
internal sealed class ObservationBook : IDisposable
{
    /// <summary>Most objects that are waited for at once, a few hundred bytes each.</summary>
    public const int Most = 100_000;

    private readonly IObjectMirror _mirror;
    private readonly Action<string> _wake;
    private readonly int _most;
    private readonly Lock _gate = new();
    private readonly Dictionary<MirroredKey, ImmutableArray<Observation>> _waiting = [];
    private int _count;

    /// <summary>Listens to a mirror until it is disposed.</summary>
    /// <param name="mirror">The mirror.</param>
    /// <param name="wake">Told the id of a command that has something to look at; it must only note it.</param>
    /// <param name="most">Most that wait at once.</param>
    public ObservationBook(IObjectMirror mirror, Action<string> wake, int most = Most)
    {
        (_mirror, _wake, _most) = (mirror, wake, most);
        mirror.Changed += OnChanged;
    }

    /// <summary>The mirror that is looked at.</summary>
    public IObjectMirror Mirror => _mirror;

    /// <summary>How many wait.</summary>
    public int Count
    {
        get
        {
            lock (_gate)
            {
                return _count;
            }
        }
    }

    /// <summary>Notes that a command waits for an object; false when there is no room.</summary>
    public bool TryAdd(MirroredKey key, Observation observation)
    {
        lock (_gate)
        {
            if (_count >= _most)
            {
                return false;
            }

            _waiting[key] = _waiting.GetValueOrDefault(key, []).Add(observation);
            _count++;
            return true;
        }
    }

    /// <summary>It waits for it no longer.</summary>
    public void Remove(MirroredKey key, Observation observation)
    {
        lock (_gate)
        {
            if (!_waiting.TryGetValue(key, out var all) || !all.Contains(observation))
            {
                return;
            }

            _count--;
            if (all.Length == 1)
            {
                _waiting.Remove(key);
            }
            else
            {
                _waiting[key] = all.Remove(observation);
            }
        }
    }

    public void Dispose() => _mirror.Changed -= OnChanged;

    private void OnChanged(IReadOnlyList<MirroredKey> keys)
    {
        HashSet<string>? woken = null;
        lock (_gate)
        {
            if (_count == 0)
            {
                return;
            }

            foreach (var key in keys)
            {
                foreach (var observation in _waiting.GetValueOrDefault(key, []))
                {
                    if (observation.Hear(key))
                    {
                        (woken ??= new(StringComparer.Ordinal)).Add(observation.Id);
                    }
                }
            }
        }

        foreach (var id in woken ?? [])
        {
            _wake(id);
        }
    }
}
