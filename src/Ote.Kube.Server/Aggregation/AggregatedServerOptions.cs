using Ote.Kube.Server.Audit;
using Ote.Kube.Server.Http;
using Ote.Kube.Server.Split;
using Ote.Kube.Server.Store;

namespace Ote.Kube.Server.Aggregation;

/// <summary>How an <see cref="AggregatedServer"/> runs. Immutable.</summary>
public sealed record AggregatedServerOptions
{
    /// <summary>Name for logs, metrics and the certificate authority.</summary>
    public required string Name { get; init; }

    /// <summary>The group in which the objects are shown.</summary>
    public required string Group { get; init; }

    /// <summary>Its version.</summary>
    public string Version { get; init; } = "v1";

    /// <summary>The category that all kinds are in, so that <c>kubectl get CATEGORY</c> means all of them.</summary>
    public required string Category { get; init; }

    /// <summary>The kinds that are shown whether or not there are any, <c>group/plural</c> as the source names them; those that are not built in are left out. Further ones are shown while the source has them.</summary>
    public required IReadOnlyList<string> Resources { get; init; }

    /// <summary>Where they are read from; null: from <see cref="Shards"/>.</summary>
    public IObjectSource? Source { get; init; }

    /// <summary>Where they are read from, when they are divided among several servers like this; null: from <see cref="Source"/>. The others are answered by this server's listener, too.</summary>
    public ShardTable? Shards { get; init; }

    /// <summary>The way into other clusters' APIs, behind <c>clusters/NAME/proxy</c>.</summary>
    public required IClusterGate Clusters { get; init; }

    /// <summary>Folder of the serving certificate and its authority; null: in memory, and others at each start.</summary>
    public string? PkiDirectory { get; init; }

    /// <summary>Host names in the serving certificate beside the loopback ones: those of the Service by which the API server in front comes.</summary>
    public IReadOnlyList<string> Hosts { get; init; } = [];

    /// <summary>Notes who asked for what in a file; null: nothing is noted.</summary>
    public AuditOptions? Audit { get; init; }

    /// <summary>Makes the ids of audited requests. Called from several threads.</summary>
    public Func<Guid> NewId { get; init; } = Guid.NewGuid;
}
