using System.Collections.Concurrent;
using Ote.Kube.Client;
using Ote.Kube.Server.Store;

namespace Ote.EdgeHub.Offline;

/// <summary>
/// Entries of the journal that the API server refuses for a reason that may pass, and how long each is waited for: until the journal is empty the node hears of nothing new. What is given up is not lost for ever as a rule: a kubelet compares what
/// the API server has with what it knows, and tells it again. Thread-safe within a run; one run at a time.
/// </summary>
/// <param name="time">The clock.</param>
internal sealed class RefusedEntries(TimeProvider time)
{
    /// <summary>In one run: where there are more, it is not for their sake that they are refused.</summary>
    private const int Most = 10;

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private readonly ConcurrentDictionary<StoreKey, long> _since = new(); // while API servers answer
    private readonly ConcurrentQueue<KubeStatusException> _now = new();

    /// <summary>Why the first of this run waits; null: none does.</summary>
    public KubeStatusException? First => _now.TryPeek(out var first) ? first : null;

    /// <summary>Whether a refusal may be for an entry's own sake, and pass: an object that changes all the time, or a webhook that has to be asked about it and fails, for which an API server gives 500. One that is not ready itself gives 503, or 504 after a time.</summary>
    public static bool MayPass(KubeStatusException refused) => refused.IsConflict || refused.Code == 500;

    /// <summary>A run begins.</summary>
    public void Begin() => _now.Clear();

    /// <summary>A run has ended before all entries were tried: nothing of what was refused was for an entry's own sake.</summary>
    public void Forget() => _since.Clear();

    /// <summary>An entry was taken.</summary>
    public void Took(StoreKey key) => _since.TryRemove(key, out _);

    /// <summary>Whether one that was refused is to be told of by itself.</summary>
    public bool IsOfOne(KubeStatusException refused) => MayPass(refused) && _now.Count < Most;

    /// <summary>Notes that an entry was refused.</summary>
    /// <returns>That it is given up, and why; null: it waits for the next run.</returns>
    public string? GivenUp(StoreKey key, KubeStatusException refused)
    {
        if (time.GetElapsedTime(_since.GetOrAdd(key, _ => time.GetTimestamp())) < Patience)
        {
            _now.Enqueue(refused);
            return null;
        }

        _since.TryRemove(key, out _);
        return $"the API server refused it for {Patience.TotalMinutes:0} minutes: {refused.Message}";
    }
}
