using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Kube.Watching;

namespace Ote.Controllers.EdgeNodes;

/// <summary>Nodes and their leases, and when each was heard: seen by every replica all the time, so that one that comes to lead knows what the one before it knew. Thread-safe.</summary>
internal sealed class NodeWatch
{
    private const string LeaseNamespace = "kube-node-lease";
    private readonly Informer _nodes;
    private readonly Informer _leases;
    private readonly HeardNodes _heard;

    /// <summary>Makes it; nothing happens before <see cref="RunAsync"/>.</summary>
    public NodeWatch(KubeClient api, TimeProvider time, Func<double> random, ILogger log)
    {
        _heard = new HeardNodes(time);
        _nodes = new Informer(api, Kinds.Nodes, null, null, time, random, log);
        _leases = new Informer(api, Kinds.Leases, LeaseNamespace, null, time, random, log);
        _leases.Changed += (old, now) =>
        {
            if (now is null)
            {
                _heard.Forget(old!.Name());
            }
            else
            {
                _heard.See(now);
            }
        };
    }

    /// <summary>All of them, in no order; never to be changed.</summary>
    public IEnumerable<JsonObject> Nodes => _nodes.Items;

    /// <summary>Completes when both have been listed once.</summary>
    public Task Synced => Task.WhenAll(_nodes.Synced, _leases.Synced);

    /// <summary>A node's lease, or null.</summary>
    public JsonObject? Lease(string node) => _leases.Get($"{LeaseNamespace}/{node}");

    /// <summary>What is known of a node's kubelet.</summary>
    public Hearing Heard(string node) => _heard.Of(node) ?? Hearing.Nothing;

    /// <summary>Whether it has a lease and is heard within a time.</summary>
    public bool IsHeardWithin(string node, TimeSpan silence) => _heard.Of(node) is { } hearing && hearing.Since <= silence;

    /// <summary>Watches until stopped.</summary>
    public Task RunAsync(CancellationToken stop) => Task.WhenAll(_nodes.RunAsync(stop), _leases.RunAsync(stop));
}
