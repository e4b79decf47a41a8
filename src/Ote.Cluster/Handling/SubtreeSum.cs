using System.Text.Json.Nodes;
using Ote.Protocol.Reports;

namespace Ote.Cluster.Handling;

/// <summary>Figures of clusters together. Not thread-safe.</summary>
internal sealed class SubtreeSum
{
    private readonly SortedDictionary<string, (long Capacity, long Allocatable, long Requested)> _resources = new(StringComparer.Ordinal);
    private long _nodes;
    private long _nodesReady;
    private long _pods;
    private long _podsPending;
    private long _podsRunning;
    private long _podsSucceeded;
    private long _podsFailed;
    private long _podsReady;

    /// <summary>How many clusters.</summary>
    public long Clusters { get; set; }

    /// <summary>How many of them are online; the figures are of these.</summary>
    public long Online { get; set; }

    /// <summary>Of one cluster.</summary>
    public static SubtreeSum Of(ClusterSummary figures)
    {
        var sum = new SubtreeSum();
        sum.Add(figures);
        return sum;
    }

    /// <summary>Adds a cluster's figures.</summary>
    public void Add(ClusterSummary figures)
    {
        _nodes += figures.Nodes;
        _nodesReady += figures.NodesReady;
        _pods += figures.Pods;
        _podsPending += figures.PodsPending;
        _podsRunning += figures.PodsRunning;
        _podsSucceeded += figures.PodsSucceeded;
        _podsFailed += figures.PodsFailed;
        _podsReady += figures.PodsReady;
        foreach (var resource in figures.Resources)
        {
            Add(resource.Name, (resource.Capacity, resource.Allocatable, resource.Requested), 1);
        }
    }

    /// <summary>Adds another sum, or takes it out.</summary>
    public void Add(SubtreeSum other, int sign)
    {
        Clusters += sign * other.Clusters;
        Online += sign * other.Online;
        _nodes += sign * other._nodes;
        _nodesReady += sign * other._nodesReady;
        _pods += sign * other._pods;
        _podsPending += sign * other._podsPending;
        _podsRunning += sign * other._podsRunning;
        _podsSucceeded += sign * other._podsSucceeded;
        _podsFailed += sign * other._podsFailed;
        _podsReady += sign * other._podsReady;
        foreach (var (name, amounts) in other._resources)
        {
            Add(name, amounts, sign);
        }
    }

    /// <summary>Another with the same figures.</summary>
    public SubtreeSum Copy()
    {
        var copy = new SubtreeSum();
        copy.Add(this, 1);
        return copy;
    }

    /// <summary>Writes nodes, pods, capacity, allocatable and requested as a status has them.</summary>
    public void Write(JsonObject status)
    {
        status["nodes"] = new JsonObject { ["total"] = _nodes, ["ready"] = _nodesReady };
        status["pods"] = new JsonObject
        {
            ["total"] = _pods, ["ready"] = _podsReady, ["pending"] = _podsPending, ["running"] = _podsRunning, ["succeeded"] = _podsSucceeded, ["failed"] = _podsFailed,
        };
        status["capacity"] = Amounts(static r => r.Capacity);
        status["allocatable"] = Amounts(static r => r.Allocatable);
        status["requested"] = Amounts(static r => r.Requested);
    }

    private JsonObject Amounts(Func<(long Capacity, long Allocatable, long Requested), long> column) =>
        new(_resources.Select(r => KeyValuePair.Create<string, JsonNode?>(r.Key, ResourceText.Of(r.Key, column(r.Value)))));

    private void Add(string name, (long Capacity, long Allocatable, long Requested) amounts, int sign)
    {
        var before = _resources.GetValueOrDefault(name);
        var after = (before.Capacity + (sign * amounts.Capacity), before.Allocatable + (sign * amounts.Allocatable), before.Requested + (sign * amounts.Requested));
        if (after == default)
        {
            _resources.Remove(name);
        }
        else
        {
            _resources[name] = after;
        }
    }
}
