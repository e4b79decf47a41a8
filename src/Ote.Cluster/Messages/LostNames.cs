using Ote.Cluster.Routing;

namespace Ote.Cluster.Messages;

/// <summary>
/// Clusters the root has just lost sight of. While a branch moves, or has not come back since the root started, the clusters in it have no
/// way for a moment, and are not unknown for that. Thread-safe.
/// </summary>
internal sealed class LostNames(TimeProvider time)
{
    /// <summary>How long one that is lost may yet come back.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    /// <summary>Names remembered; when there are more, none is called unknown before all have had their time.</summary>
    public const int MaxNames = 100_000;

    private readonly Lock _gate = new();
    private readonly Dictionary<string, DateTimeOffset> _until = new(StringComparer.Ordinal);
    private readonly Queue<(string Name, DateTimeOffset Until)> _order = new();
    private DateTimeOffset _allUntil;

    /// <summary>An earlier run knew of clusters, and may have lost some just before its end: any may yet come back.</summary>
    public void Restarted() => _allUntil = time.GetUtcNow() + Patience;

    /// <summary>Notes who is gone and who is back.</summary>
    public void Learn(IEnumerable<RouteChange> changes)
    {
        var now = time.GetUtcNow();
        lock (_gate)
        {
            while (_order.TryPeek(out var oldest) && oldest.Until <= now)
            {
                _order.Dequeue();
                if (_until.TryGetValue(oldest.Name, out var until) && until == oldest.Until)
                {
                    _until.Remove(oldest.Name);
                }
            }

            foreach (var change in changes)
            {
                if (change.After is not null)
                {
                    _until.Remove(change.Name);
                }
                else if (_order.Count < MaxNames)
                {
                    _until[change.Name] = now + Patience;
                    _order.Enqueue((change.Name, now + Patience));
                }
                else
                {
                    _allUntil = now + Patience;
                }
            }
        }
    }

    /// <summary>Whether a cluster without a way may yet come back.</summary>
    public bool MayReturn(string name)
    {
        var now = time.GetUtcNow();
        lock (_gate)
        {
            return now < _allUntil || (_until.TryGetValue(name, out var until) && now < until);
        }
    }
}
