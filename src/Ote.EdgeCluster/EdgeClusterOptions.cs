using Ote.EdgeCluster.Runtimes;
using Ote.Kube.Server;

namespace Ote.EdgeCluster;

/// <summary>How a lightweight edge cluster runs.</summary>
public sealed record EdgeClusterOptions
{
    /// <summary>Its name; its nodes are called <c>NAME-node-1</c> and so on. A DNS-1123 label of at most 50 characters.</summary>
    public required string Name { get; init; }

    /// <summary>Where all of its state lives; null keeps it in memory, to be gone with the process.</summary>
    public string? DataDirectory { get; init; }

    /// <summary>How many nodes, 1 to 250. Default 1. Fewer than before leaves the others registered, with no agent.</summary>
    public int Nodes { get; init; } = 1;

    /// <summary>How the simulated nodes behave.</summary>
    public SimulatedRuntimeOptions Simulated { get; init; } = new();

    /// <summary>
    /// How often a node renews its lease, which says that it lives; the lease lasts four times as long. Default 5 min, at
    /// least 10 s: each renewal is a durable write, and hundreds of clusters may share one disk.
    /// </summary>
    public TimeSpan LeaseInterval { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>
    /// Whether each namespace gets the ServiceAccount <c>default</c> and the ConfigMap <c>kube-root-ca.crt</c>, as people's charts expect. Default no:
    /// of hundreds of clusters in one process each would need a certificate authority for it.
    /// </summary>
    public bool ProvisionsNamespaces { get; init; }

    /// <summary>The most Events kept; the oldest goes for a new one. Default 256.</summary>
    public int MaxEvents { get; init; } = 256;

    /// <summary>
    /// The API server's options. Name and data directory are set from this cluster's. The default keeps less history than a
    /// central server would; bookmarks come as often, so that a quiet watch stays within what is kept.
    /// </summary>
    public ApiServerOptions Server { get; init; } = new() { HistoryKept = 1000, WatchTimeout = TimeSpan.FromHours(1) };

    /// <summary>These options with the server's changed, the rest of which keep this cluster's defaults.</summary>
    public EdgeClusterOptions With(Func<ApiServerOptions, ApiServerOptions> server)
    {
        ArgumentNullException.ThrowIfNull(server);
        return this with { Server = server(Server) };
    }

    /// <summary>What is wrong with a cluster's name; null when nothing is.</summary>
    public static string? NameFault(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return name.Length is 0 or > 50 || !name.All(c => c is (>= 'a' and <= 'z') or (>= '0' and <= '9') or '-') || name[0] == '-' || name[^1] == '-'
            ? $"'{name}' is not a DNS-1123 label of at most 50 characters: use lower-case letters, digits and '-'"
            : null;
    }

    internal void Check()
    {
        List<string> wrong = [];
        if (NameFault(Name) is { } fault)
        {
            wrong.Add("name " + fault);
        }

        if (Nodes is < 1 or > 250)
        {
            wrong.Add($"{Nodes} nodes are asked for: give 1 to 250");
        }

        if (LeaseInterval < TimeSpan.FromSeconds(10))
        {
            wrong.Add($"lease interval {LeaseInterval} is shorter than 10 s");
        }

        if (MaxEvents < 1)
        {
            wrong.Add($"at most {MaxEvents} events are to be kept: give 1 or more");
        }

        if (wrong.Count > 0)
        {
            throw new ArgumentException($"edge cluster: {string.Join("; ", wrong)}");
        }
    }
}
