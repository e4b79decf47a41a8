using System.Text.Json.Nodes;
using Ote.Kube.Objects;

namespace Ote.Controllers.EdgeNodes;

/// <summary>
/// When each node's kubelet was last heard, by the renewals of its lease that are the kubelet's own, and by this machine's monotonic clock: once a kubelet has been heard here, what the clock of its node says does not matter.
/// Who begins to look has heard nobody yet and takes the lease's word, or a node that was cut off a moment ago would be believed for as long as it takes Kubernetes to give it up. Thread-safe.
/// </summary>
/// <param name="time">The clock.</param>
public sealed class HeardNodes(TimeProvider time)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, Node> _nodes = new(StringComparer.Ordinal);

    /// <summary>Takes in a lease as it is now.</summary>
    /// <param name="lease">The lease of a node's kubelet.</param>
    public void See(JsonObject lease)
    {
        ArgumentNullException.ThrowIfNull(lease);
        var (name, renewed, isKept) = (lease.Name(), lease.Text("spec", "renewTime") ?? "", KeptLease.IsKept(lease));
        lock (_gate)
        {
            if (!_nodes.TryGetValue(name, out var node))
            {
                var now = time.GetTimestamp();
                var heard = isKept ? KeptLease.LastHeard(lease) : lease.Time("spec", "renewTime");
                _nodes[name] = new Node { Renewed = renewed, IsKept = isKept, Heard = now, FirstSeen = now, Age = heard is { } at && time.GetUtcNow() - at is { Ticks: > 0 } age ? age : TimeSpan.Zero };
            }
            else if (renewed != node.Renewed)
            {
                (node.Renewed, node.IsKept) = (renewed, isKept);
                if (!isKept)
                {
                    (node.Heard, node.Age, node.IsHeard) = (time.GetTimestamp(), TimeSpan.Zero, true);
                }
            }
        }
    }

    /// <summary>What is known of a node's kubelet; null: it has no lease, and says nothing by not renewing it.</summary>
    public Hearing? Of(string name)
    {
        lock (_gate)
        {
            if (!_nodes.TryGetValue(name, out var node))
            {
                return null;
            }

            var since = node.Age + time.GetElapsedTime(node.Heard);
            return new Hearing(since, node.IsHeard || node.IsKept ? since : time.GetElapsedTime(node.FirstSeen), node.IsHeard, node.IsKept);
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

        public bool IsKept { get; set; }

        public long Heard { get; set; }

        public long FirstSeen { get; init; }

        /// <summary>How long it had not been heard, by clocks that may be wrong, when it was first seen.</summary>
        public TimeSpan Age { get; set; }

        public bool IsHeard { get; set; }
    }
}
