using System.Text.Json.Nodes;
using Ote.Kube.Objects;
using Ote.Kube.Server.Quotas;
using Ote.Kube.Server.Schema.Validation;
using Ote.Protocol.Reports;

namespace Ote.Mirror.Reporting;

/// <summary>
/// Counts what a cluster has: its nodes and pods, and of each resource what there is and what is requested. Each object's share is taken out and put in as the object changes; nothing is
/// counted anew. Thread-safe.
/// </summary>
public sealed class ClusterTally
{
    /// <summary>Of more resources than this no figures are told.</summary>
    public const int MostResources = 16;

    private const long MostAmount = 1L << 53; // beyond any cluster, and sums of it are no overflow
    private static readonly string[] First = ["cpu", "memory", "pods", "ephemeral-storage"];
    private readonly Lock _gate = new();
    private readonly ClusterSummary _counts = new();
    private readonly Dictionary<string, ResourceFigures> _figures = new(StringComparer.Ordinal);
    private readonly KindTally _nodes;
    private readonly KindTally _pods;
    private Dictionary<string, long> _used = [];

    /// <summary>Makes one that has counted nothing.</summary>
    public ClusterTally() => (_nodes, _pods) = (new KindTally(this, Kind.Nodes), new KindTally(this, Kind.Pods));

    /// <summary>Raised after figures have changed, on the thread that brought the change: return quickly.</summary>
    public event Action? Changed;

    /// <summary>What the cluster has; null until all nodes and all pods were counted. A copy.</summary>
    public ClusterSummary? Now
    {
        get
        {
            lock (_gate)
            {
                if (!_nodes.IsWhole || !_pods.IsWhole)
                {
                    return null;
                }

                var now = _counts.Clone();
                now.Resources.AddRange(_figures.Values.OrderBy(f => !First.Contains(f.Name)).ThenBy(f => f.Name, StringComparer.Ordinal).Take(MostResources)
                    .OrderBy(f => f.Name, StringComparer.Ordinal).Select(WithUsed));
                return now;
            }
        }
    }

    /// <summary>What nodes use, as measured now.</summary>
    /// <param name="nodes">Of each node its amounts by resource; null: nobody measures.</param>
    public void Measured(IEnumerable<JsonObject>? nodes)
    {
        var used = new Dictionary<string, long>(StringComparer.Ordinal);
        foreach (var (name, value) in (nodes ?? []).SelectMany(n => n))
        {
            if (value is JsonValue text && Quantity.TryParse(text.ToString(), out var amount))
            {
                used[name] = Math.Min(MostAmount - 1, used.GetValueOrDefault(name) + Whole(name, amount));
            }
        }

        lock (_gate)
        {
            if (used.Count == _used.Count && used.All(u => _used.TryGetValue(u.Key, out var before) && before == u.Value))
            {
                return;
            }

            _used = used;
        }

        Changed?.Invoke();
    }

    /// <summary>Who counts the objects of a stream; null: they are not counted.</summary>
    internal KindTally? Of(string stream) => stream switch { "nodes" => _nodes, "pods" => _pods, _ => null };

    private ResourceFigures WithUsed(ResourceFigures figures)
    {
        var told = figures.Clone();
        told.Used = _used.TryGetValue(figures.Name, out var used) ? used + 1 : 0;
        return told;
    }

    private static Share NodeShare(JsonObject node)
    {
        var amounts = new List<(string, Column, long)>();
        Read(amounts, Column.Capacity, node.At("status", "capacity"));
        Read(amounts, Column.Allocatable, node.At("status", "allocatable"));
        return new Share(null, node.Condition("Ready").Text("status") == "True", [.. amounts]);
    }

    private static Share PodShare(JsonObject pod)
    {
        var phase = pod.Text("status", "phase") ?? "Pending";
        var counts = phase is not ("Succeeded" or "Failed") && pod.Text("spec", "nodeName") is { Length: > 0 };
        return new Share(
            phase, pod.Condition("Ready").Text("status") == "True",
            counts ? [.. PodRequests.Of(pod).Append(KeyValuePair.Create("pods", 1m)).Select(r => (r.Key, Column.Requested, Whole(r.Key, r.Value)))] : []);
    }

    private static void Read(List<(string, Column, long)> amounts, Column column, JsonNode? resources)
    {
        foreach (var (name, value) in resources as JsonObject ?? [])
        {
            if (value is JsonValue text && Quantity.TryParse(text.ToString(), out var amount))
            {
                amounts.Add((name, column, Whole(name, amount)));
            }
        }
    }

    /// <summary>Of cpu thousandths, of others pieces; a begun one counts.</summary>
    private static long Whole(string name, decimal amount)
    {
        var scale = name == "cpu" ? 1000 : 1;
        return amount <= 0 ? 0 : amount >= MostAmount / scale ? MostAmount : (long)Math.Ceiling(amount * scale);
    }

    private void Count(Share share, int sign)
    {
        if (share.Phase is null)
        {
            _counts.Nodes = Plus(_counts.Nodes, sign);
            _counts.NodesReady = share.IsReady ? Plus(_counts.NodesReady, sign) : _counts.NodesReady;
        }
        else
        {
            CountPod(share, sign);
        }

        foreach (var (name, column, amount) in share.Amounts)
        {
            if (!_figures.TryGetValue(name, out var figures))
            {
                _figures[name] = figures = new ResourceFigures { Name = name };
            }

            switch (column)
            {
                case Column.Capacity:
                    figures.Capacity += sign * amount;
                    break;
                case Column.Allocatable:
                    figures.Allocatable += sign * amount;
                    break;
                default:
                    figures.Requested += sign * amount;
                    break;
            }

            if (figures is { Capacity: 0, Allocatable: 0, Requested: 0 })
            {
                _figures.Remove(name);
            }
        }
    }

    private void CountPod(Share pod, int sign)
    {
        _counts.Pods = Plus(_counts.Pods, sign);
        _counts.PodsReady = pod.IsReady ? Plus(_counts.PodsReady, sign) : _counts.PodsReady;
        switch (pod.Phase)
        {
            case "Pending":
                _counts.PodsPending = Plus(_counts.PodsPending, sign);
                break;
            case "Running":
                _counts.PodsRunning = Plus(_counts.PodsRunning, sign);
                break;
            case "Succeeded":
                _counts.PodsSucceeded = Plus(_counts.PodsSucceeded, sign);
                break;
            case "Failed":
                _counts.PodsFailed = Plus(_counts.PodsFailed, sign);
                break;
            default:
                break; // Unknown: what is left of all
        }
    }

    private static uint Plus(uint count, int sign) => (uint)(count + sign);

    /// <summary>What is counted.</summary>
    internal enum Kind
    {
        /// <summary>Nodes.</summary>
        Nodes,

        /// <summary>Pods.</summary>
        Pods,
    }

    private enum Column
    {
        Capacity,
        Allocatable,
        Requested,
    }

    /// <summary>What one object adds.</summary>
    /// <param name="Phase">Of a pod; null: it is a node.</param>
    /// <param name="IsReady">Whether it is ready.</param>
    /// <param name="Amounts">Of resources.</param>
    private sealed record Share(string? Phase, bool IsReady, (string Name, Column Column, long Amount)[] Amounts)
    {
        public bool Equals(Share? other) => other is not null && Phase == other.Phase && IsReady == other.IsReady && Amounts.AsSpan().SequenceEqual(other.Amounts);

        public override int GetHashCode() => HashCode.Combine(Phase, IsReady, Amounts.Length);
    }

    /// <summary>The shares of one kind's objects.</summary>
    internal sealed class KindTally
    {
        private readonly ClusterTally _tally;
        private readonly Func<JsonObject, Share> _read;
        private readonly Dictionary<(string Namespace, string Name), Share> _shares = [];

        public KindTally(ClusterTally tally, Kind kind) => (_tally, _read) = (tally, kind == Kind.Nodes ? NodeShare : PodShare);

        /// <summary>Whether all objects were counted once.</summary>
        public bool IsWhole { get; private set; }

        /// <summary>An object is there, as it is now.</summary>
        public void Put(JsonObject obj) => Change((obj.Namespace(), obj.Name()), _read(obj));

        /// <summary>An object is gone.</summary>
        public void Remove(string ns, string name) => Change((ns, name), null);

        /// <summary>These are all.</summary>
        public void Keep(IReadOnlySet<(string Namespace, string Name)> all)
        {
            lock (_tally._gate)
            {
                foreach (var gone in _shares.Keys.Where(key => !all.Contains(key)).ToArray())
                {
                    _shares.Remove(gone, out var share);
                    _tally.Count(share!, -1);
                }

                IsWhole = true;
            }

            _tally.Changed?.Invoke();
        }

        private void Change((string, string) key, Share? next)
        {
            lock (_tally._gate)
            {
                _shares.TryGetValue(key, out var before);
                if (Equals(before, next))
                {
                    return;
                }

                if (before is not null)
                {
                    _shares.Remove(key);
                    _tally.Count(before, -1);
                }

                if (next is not null)
                {
                    _shares[key] = next;
                    _tally.Count(next, 1);
                }
            }

            _tally.Changed?.Invoke();
        }
    }
}
