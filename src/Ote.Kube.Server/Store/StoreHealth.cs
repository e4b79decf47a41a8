using Microsoft.Extensions.Logging;

namespace Ote.Kube.Server.Store;

/// <summary>
/// Whether the store does what it is asked: what it last failed at, told once in the log and not with each request, since a full disk is the worst place for a long log. Thread-safe.
/// </summary>
internal sealed class StoreHealth(string database, StoreMetrics metrics, ILogger log)
{
    private StoreFailedException? _fault;

    /// <summary>What is in the way; null when nothing is.</summary>
    public StoreFailedException? Fault => Volatile.Read(ref _fault);

    /// <summary>Something failed.</summary>
    public void Failed(StoreFailedException fault)
    {
        metrics.Failed(fault.Trouble);
        // Damage is the news that lasts: a full disk beside it does not take its place.
        var before = Fault;
        if (before?.Trouble == fault.Trouble || before?.Trouble == StoreTrouble.Damaged)
        {
            return;
        }

        Volatile.Write(ref _fault, fault);
        metrics.Troubled(true);
        log.StoreFailed(fault.Message);
    }

    /// <summary>A commit succeeded. What is damaged stays so.</summary>
    public void Committed()
    {
        if (Fault is { Trouble: not StoreTrouble.Damaged })
        {
            Volatile.Write(ref _fault, null);
            metrics.Troubled(false);
            log.StoreMended(database);
        }
    }
}
