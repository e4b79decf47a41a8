using System.Text.Json.Nodes;
using Ote.Cluster.Handling;
using Ote.Cluster.Identity;
using Ote.Kube.Client;
using Ote.Kube.Objects;

namespace Ote.Cluster.Replicas;

/// <summary>
/// The hosts of all replicas, in <c>spec.hosts</c> of the root's own <c>Cluster</c> object: whoever leads knows its own hosts only, and must give
/// those of one that waits to nobody else. They stay there when a replica is gone; an operator takes them out.
/// </summary>
public static class RootHosts
{
    /// <summary>As many as the object may have.</summary>
    public const int Most = 256;

    private const int Attempts = 10;

    /// <summary>Adds hosts of this replica. Loopback needs no owner, and what another cluster holds stays with it.</summary>
    /// <param name="api">The control API.</param>
    /// <param name="options">Of this replica.</param>
    /// <param name="ct">Gives up.</param>
    /// <returns>For each host that another cluster holds, that cluster: children that dial it may find either.</returns>
    /// <exception cref="IdentityException">There are too many.</exception>
    /// <exception cref="HttpRequestException">The API is away.</exception>
    /// <exception cref="KubeStatusException">The API refuses.</exception>
    public static async Task<IReadOnlyDictionary<string, string>> ClaimAsync(KubeClient api, ClusterControllerOptions options, CancellationToken ct)
    {
        ArgumentNullException.ThrowIfNull(api);
        ArgumentNullException.ThrowIfNull(options);
        var root = options.Name;
        string[] wanted = [.. OwnHosts.Of(options).Select(HostPolicy.Normalize).Where(host => !HostPolicy.IsLoopback(host)).Distinct(StringComparer.Ordinal)];
        for (var attempt = 1; ; attempt++)
        {
            var clusters = await api.ListAsync(Kinds.Clusters, null, null, ct).ConfigureAwait(false);
            var taken = Taken(clusters.Items.Where(c => c.Name() != root), wanted);
            var own = clusters.Items.FirstOrDefault(c => c.Name() == root);
            var held = ClusterHosts.Of(own);
            var had = held.Count;
            held.UnionWith(wanted.Except(taken.Keys));
            if (held.Count == had)
            {
                return taken;
            }

            if (held.Count > Most)
            {
                throw new IdentityException($"Cluster {root} would hold {held.Count} hosts, more than {Most}; take those of replicas that are gone out of its spec.hosts");
            }

            try
            {
                await WriteAsync(api, own, root, held, ct).ConfigureAwait(false);
                return taken;
            }
            catch (KubeStatusException raced) when ((raced.IsConflict || raced.IsAlreadyExists) && attempt < Attempts)
            {
                // Another replica, or the leader's status, was faster: read again.
            }
        }
    }

    private static Dictionary<string, string> Taken(IEnumerable<JsonObject> others, string[] wanted)
    {
        var taken = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var other in others)
        {
            foreach (var host in ClusterHosts.Of(other).Intersect(wanted, StringComparer.Ordinal))
            {
                taken.TryAdd(host, other.Name());
            }
        }

        return taken;
    }

    private static Task<JsonObject> WriteAsync(KubeClient api, JsonObject? own, string root, IEnumerable<string> hosts, CancellationToken ct)
    {
        var next = own?.Copy() ?? new JsonObject
        {
            ["apiVersion"] = Kinds.Clusters.ApiVersion,
            ["kind"] = Kinds.Clusters.Kind,
            ["metadata"] = new JsonObject { ["name"] = root },
            ["spec"] = new JsonObject { ["name"] = root },
        };
        ClusterHosts.Write(next, hosts);
        return own is null ? api.CreateAsync(Kinds.Clusters, null, next, ct) : api.ReplaceAsync(Kinds.Clusters, next, ct);
    }
}
