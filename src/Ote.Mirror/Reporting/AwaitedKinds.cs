using System.Collections.Immutable;

namespace Ote.Mirror.Reporting;

/// <summary>Which of the kinds that somebody chose to have reported the cluster has not, and what to do about each. Thread-safe.</summary>
internal sealed class AwaitedKinds
{
    private ImmutableSortedDictionary<string, string> _hints = ImmutableSortedDictionary.Create<string, string>(StringComparer.Ordinal);

    /// <summary>Raised after one was added or has come: return quickly.</summary>
    public event Action? Changed;

    /// <summary>All of them, for people; empty: none.</summary>
    public string Text => string.Join("; ", _hints.Select(h => $"{h.Key} ({h.Value})"));

    /// <summary>Whether one is waited for.</summary>
    public bool Has(string stream) => _hints.ContainsKey(stream);

    /// <summary>One is waited for.</summary>
    public void Add(string stream, string hint)
    {
        ImmutableInterlocked.Update(ref _hints, static (all, add) => all.SetItem(add.stream, add.hint), (stream, hint));
        Changed?.Invoke();
    }

    /// <summary>One is there; false: it was not waited for.</summary>
    public bool Remove(string stream)
    {
        var was = ImmutableInterlocked.Update(ref _hints, static (all, gone) => all.Remove(gone), stream);
        if (was)
        {
            Changed?.Invoke();
        }

        return was;
    }
}
