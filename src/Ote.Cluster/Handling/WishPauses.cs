using System.Collections.Concurrent;

namespace Ote.Cluster.Handling;

/// <summary>
/// When one kind of wish is sent to a cluster: at once after an edit or a new attachment, then ever more rarely, as it may be lost with
/// a controller in between, and as two control entries that wish different things must not send for ever. Thread-safe for different clusters.
/// </summary>
internal sealed class WishPauses(TimeProvider time)
{
    private static readonly TimeSpan First = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan Longest = TimeSpan.FromHours(1);
    private readonly ConcurrentDictionary<string, Attempt> _attempts = new(StringComparer.Ordinal);

    /// <summary>Whether a wish that is not in force is due; if so it counts as sent.</summary>
    /// <param name="name">The cluster.</param>
    /// <param name="generation">Of the object that holds the wish.</param>
    /// <param name="epoch">Of the cluster's attachment.</param>
    /// <param name="again">When to ask again; above zero.</param>
    public bool IsDue(string name, long generation, ulong epoch, out TimeSpan again)
    {
        var last = _attempts.GetValueOrDefault(name);
        var isNew = last is null || last.Generation != generation || last.Epoch != epoch;
        if (!isNew && last!.Pause - time.GetElapsedTime(last.At) is { Ticks: > 0 } left)
        {
            again = left;
            return false;
        }

        again = isNew ? First : TimeSpan.FromTicks(Math.Min(Longest.Ticks, 2 * last!.Pause.Ticks));
        _attempts[name] = new Attempt(generation, epoch, time.GetTimestamp(), again);
        return true;
    }

    /// <summary>Whether a wish of a generation was sent long enough ago to be in force if it has arrived.</summary>
    public bool HasHadTime(string name, long generation) =>
        _attempts.GetValueOrDefault(name) is { } last && last.Generation == generation && time.GetElapsedTime(last.At) >= First;

    /// <summary>Whether a wish of a generation was sent to the cluster where it is attached now.</summary>
    public bool WasSent(string name, long generation, ulong epoch) =>
        _attempts.GetValueOrDefault(name) is { } last && last.Generation == generation && last.Epoch == epoch;

    /// <summary>The wish is in force, or its cluster is gone.</summary>
    public void Forget(string name) => _attempts.TryRemove(name, out _);

    private sealed record Attempt(long Generation, ulong Epoch, long At, TimeSpan Pause);
}
