using Microsoft.Extensions.Logging;
using Ote.Kube.Server.Store;

namespace Ote.EdgeHub.Cache;

/// <summary>Whether the cache can be written and read: what it failed at, told once in the log and not with each request, since a full disk is the worst place for a long log. Thread-safe.</summary>
/// <param name="file">The cache.</param>
/// <param name="free">Bytes that are free on its disk.</param>
/// <param name="log">The log.</param>
internal sealed class CacheHealth(string file, Func<long> free, ILogger log)
{
    /// <summary>Small writes find room in the file itself now and then while the disk is full: it is over when there is more.</summary>
    private const long Room = 1024 * 1024;

    private CacheFailedException? _fault;

    /// <summary>What is in the way; null when nothing is.</summary>
    public CacheFailedException? Fault => Volatile.Read(ref _fault);

    /// <summary>Something failed. Damage is the news that lasts: a full disk beside it does not take its place.</summary>
    public void Failed(CacheFailedException fault)
    {
        if (Fault is { } before && (before.Trouble == fault.Trouble || before.Trouble == StoreTrouble.Damaged))
        {
            return;
        }

        Volatile.Write(ref _fault, fault);
        log.CacheTroubled(fault.Message);
    }

    /// <summary>Something was written. What is damaged stays so.</summary>
    public void Committed()
    {
        if (Fault is { Trouble: not StoreTrouble.Damaged } fault && (fault.Trouble != StoreTrouble.Full || free() >= Room))
        {
            Volatile.Write(ref _fault, null);
            log.CacheMended(file);
        }
    }
}
