namespace Ote.Kube.Server.Audit;

/// <summary>Where a server notes who asked for what, and what of it. Immutable.</summary>
public sealed record AuditOptions
{
    /// <summary>Least and most megabytes (MiB) of <see cref="MaxSize"/>.</summary>
    public const int LeastSize = 1, MostSize = 1024;

    /// <summary>Least and most of <see cref="MaxBackups"/>.</summary>
    public const int LeastBackups = 1, MostBackups = 1000;

    /// <summary>The file, one <c>audit.k8s.io/v1</c> Event a line; its folder exists.</summary>
    public required string Path { get; init; }

    /// <summary>How large the file may grow before it becomes <c>FILE.1</c>, in MiB. Default 100.</summary>
    public int MaxSize { get; init; } = 100;

    /// <summary>How many full files are kept. Default 10; then the oldest goes.</summary>
    public int MaxBackups { get; init; } = 10;

    /// <summary>File of an <c>audit.k8s.io/v1</c> Policy; null: <see cref="AuditPolicy.Default"/>.</summary>
    public string? PolicyFile { get; init; }

    /// <summary>Opens a file for appending; null: as it should be. For tests of disks that fail.</summary>
    internal Func<string, Stream>? OpenFile { get; init; }

    /// <summary>Most events that wait for the disk.</summary>
    internal int MaxWaiting { get; init; } = 4096;
}
