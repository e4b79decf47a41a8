using System.Text.Json.Nodes;
using Ote.EdgeCluster.Workloads;
using Ote.Kube.Objects;

namespace Ote.EdgeCluster.Nodes;

/// <summary>A node, and the pods that are bound to it or about to be. Not thread-safe: its scheduler holds the lock.</summary>
internal sealed class NodeLoad(string name)
{
    private readonly Dictionary<string, (JsonObject Pod, Dictionary<string, decimal> Requests)> _pods = new(StringComparer.Ordinal);
    private readonly Dictionary<string, decimal> _requested = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> _hostPorts = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> _asking = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> _owners = new(StringComparer.Ordinal);

    public string Name => name;

    /// <summary>The node as it is now; set before it is looked at.</summary>
    public JsonObject Node { get; set; } = [];

    public int Count => _pods.Count;

    /// <summary>The pods here.</summary>
    public IEnumerable<JsonObject> Pods => _pods.Values.Select(p => p.Pod);

    /// <summary>How much of a resource the pods here asked for.</summary>
    public decimal Requested(string resource) => _requested.GetValueOrDefault(resource);

    /// <summary>How many of the pods here ask for nothing of a resource.</summary>
    public int Without(string resource) => Count - _asking.GetValueOrDefault(resource);

    /// <summary>How many pods of the same controller are here.</summary>
    public int Siblings(JsonObject pod) => Owner(pod) is { } owner ? _owners.GetValueOrDefault(owner) : 0;

    private static string? Owner(JsonObject pod) => pod.Items("metadata", "ownerReferences")?.FirstOrDefault(r => r.Truth("controller") == true).Text("uid");

    /// <summary>Whether a host port (<c>TCP/80</c>) is taken.</summary>
    public bool IsTaken(string hostPort) => _hostPorts.ContainsKey(hostPort);

    /// <summary>A pod is here, as it is now.</summary>
    public void Put(JsonObject pod)
    {
        Drop(pod.Key());
        var requests = PodRequests.Of(pod);
        _pods[pod.Key()] = (pod, requests);
        foreach (var (resource, amount) in requests)
        {
            _requested[resource] = _requested.GetValueOrDefault(resource) + amount;
            _asking[resource] = _asking.GetValueOrDefault(resource) + (amount > 0 ? 1 : 0);
        }

        foreach (var port in PodRequests.HostPorts(pod))
        {
            _hostPorts[port] = _hostPorts.GetValueOrDefault(port) + 1;
        }

        if (Owner(pod) is { } owner)
        {
            _owners[owner] = _owners.GetValueOrDefault(owner) + 1;
        }
    }

    /// <summary>A pod is here no more.</summary>
    public void Drop(string key)
    {
        if (!_pods.Remove(key, out var gone))
        {
            return;
        }

        foreach (var (resource, amount) in gone.Requests)
        {
            _requested[resource] -= amount;
            _asking[resource] -= amount > 0 ? 1 : 0;
        }

        foreach (var port in PodRequests.HostPorts(gone.Pod))
        {
            if (--_hostPorts[port] == 0)
            {
                _hostPorts.Remove(port);
            }
        }

        if (Owner(gone.Pod) is { } owner && --_owners[owner] == 0)
        {
            _owners.Remove(owner);
        }
    }
}

/// <summary>Which pods are where: what is bound, and over it what was decided but is not stored yet. Not thread-safe.</summary>
internal sealed class NodeLoads
{
    private readonly Dictionary<string, NodeLoad> _nodes = new(StringComparer.Ordinal);
    private readonly Dictionary<string, (string Uid, string Node)> _where = new(StringComparer.Ordinal);

    /// <summary>Pods with rules about who may be beside them, by key: few, and each placement asks them.</summary>
    public Dictionary<string, JsonObject> Choosy { get; } = new(StringComparer.Ordinal);

    /// <summary>A node's load; empty when nothing is there.</summary>
    public NodeLoad Of(string node)
    {
        if (!_nodes.TryGetValue(node, out var load))
        {
            _nodes[node] = load = new NodeLoad(node);
        }

        return load;
    }

    /// <summary>Where a pod is or is about to be; null when nowhere.</summary>
    public string? NodeOf(JsonObject pod) => _where.TryGetValue(pod.Key(), out var at) && at.Uid == pod.Uid() ? at.Node : null;

    /// <summary>A pod is on a node.</summary>
    public void Put(JsonObject pod, string node)
    {
        Drop(pod.Key(), null);
        Of(node).Put(pod);
        _where[pod.Key()] = (pod.Uid(), node);
        if (pod.At("spec", "affinity", "podAntiAffinity", "requiredDuringSchedulingIgnoredDuringExecution") is JsonArray { Count: > 0 })
        {
            Choosy[pod.Key()] = pod;
        }
    }

    /// <summary>A pod is nowhere any more; another of its name stays.</summary>
    /// <param name="key">Its key.</param>
    /// <param name="uid">Its uid; null: whichever it is.</param>
    public void Drop(string key, string? uid)
    {
        if (_where.TryGetValue(key, out var at) && (uid is null || at.Uid == uid))
        {
            _where.Remove(key);
            Choosy.Remove(key);
            Of(at.Node).Drop(key);
        }
    }

    /// <summary>Takes over what a pod's object says.</summary>
    public void See(JsonObject? old, JsonObject? now)
    {
        if (now is null || now.IsOver())
        {
            Drop((now ?? old)!.Key(), (now ?? old)!.Uid());
        }
        else if (now.NodeName() is { } node)
        {
            Put(now, node);
        }
    }
}
