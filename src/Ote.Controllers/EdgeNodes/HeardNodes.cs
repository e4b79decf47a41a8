using System.Text.Json.Nodes;
using Ote.Kube.Objects;

namespace Ote.Controllers.EdgeNodes;

/// <summary>
/// When each node's kubelet was last heard, by the changes of its lease that are not this controller's own, and by this machine's monotonic clock: what the clocks of nodes say does not matter. Thread-safe.
/// </summary>
/// <param name="time">The clock.</param>
public sealed class HeardNodes(TimeProvider time)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, Node> _nodes = new(StringComparer.Ordinal);

    /// <summary>The annotation of a lease that this controller renewed.</summary>
    public const string KeptBy = "ote.baidu.com/kept-by";

    /// <summary>Takes in a lease as it is now.</summary>
    /// <param name="lease">The lease of a node's kubelet.</param>
    public void See(JsonObject lease)
    {
        ArgumentNullException.ThrowIfNull(lease);
        lock (_gate)
        {
            var (name, renewed) = (lease.Name(), lease.Text("spec", "renewTime") ?? "");
            if (!_nodes.TryGetValue(name, out var node))
            {
                _nodes[name] = new Node { Renewed = renewed, Heard = time.GetTimestamp(), WasKept = lease.Annotation(KeptBy) is not null };
            }
            else if (renewed != node.Renewed)
            {
                node.Renewed = renewed;
                if (renewed != node.Own)
                {
                    (node.Heard, node.WasKept, node.IsHeard) = (time.GetTimestamp(), false, true);
                }
            }
        }
    }

    /// <summary>Notes a renewal of this controller's own, before it is sent: it may come back by the watch before its answer.</summary>
    /// <param name="name">The node.</param>
    /// <param name="renewTime">As it will stand in the lease.</param>
    public void Renewing(string name, string renewTime)
    {
        lock (_gate)
        {
            if (_nodes.TryGetValue(name, out var node))
            {
                node.Own = renewTime;
            }
        }
    }

    /// <summary>How long a node has not been heard, counted from when its lease was first seen at the earliest; null: it has no lease, and says nothing by not renewing it.</summary>
    public TimeSpan? Since(string name)
    {
        lock (_gate)
        {
            return _nodes.TryGetValue(name, out var node) ? time.GetElapsedTime(node.Heard) : null;
        }
    }

    /// <summary>Whether its lease had been renewed in its place when it was first seen, and its kubelet has not been heard since.</summary>
    public bool WasKept(string name)
    {
        lock (_gate)
        {
            return _nodes.TryGetValue(name, out var node) && node.WasKept;
        }
    }

    /// <summary>Whether its kubelet was heard at all: its lease was renewed since it was first seen, and not in its place.</summary>
    public bool IsHeard(string name)
    {
        lock (_gate)
        {
            return _nodes.TryGetValue(name, out var node) && node.IsHeard;
        }
    }

    /// <summary>Forgets one that is gone.</summary>
    public void Forget(string name)
    {
        lock (_gate)
        {
            _nodes.Remove(name);
        }
    }

    private sealed class Node
    {
        public string Renewed { get; set; } = "";

        public string? Own { get; set; }

        public long Heard { get; set; }

        public bool WasKept { get; set; }

        public bool IsHeard { get; set; }
    }
}
