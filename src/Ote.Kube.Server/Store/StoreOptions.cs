namespace Ote.Kube.Server.Store;

/// <summary>How a store keeps its rows.</summary>
internal sealed record StoreOptions
{
    /// <summary>Folder of the database; null keeps everything in memory.</summary>
    public string? Directory { get; init; }

    /// <summary>How many of the newest changes stay watchable. Older ones are compacted, current objects never.</summary>
    public int HistoryKept { get; init; } = 10_000;

    /// <summary>How many bytes of replaced and deleted objects the watchable changes may keep; the oldest are compacted before <see cref="HistoryKept"/> is reached.</summary>
    public long HistoryBytes { get; init; } = 256 * 1024 * 1024;

    /// <summary>Most writes in one transaction.</summary>
    public int BatchWrites { get; init; } = 256;

    /// <summary>Most bytes in one transaction, beyond its first write.</summary>
    public int BatchBytes { get; init; } = 8 * 1024 * 1024;

    /// <summary>Most writes waiting for a transaction; more are refused as busy.</summary>
    public int QueuedWrites { get; init; } = 4096;

    /// <summary>Connections that read at once.</summary>
    public int Readers { get; init; } = 2;

    /// <summary>Page cache of each connection, in KiB.</summary>
    public int CacheKiB { get; init; } = 512;
}
