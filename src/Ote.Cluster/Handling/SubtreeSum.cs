using System.Text.Json.Nodes;
using Ote.Protocol.Reports;

namespace Ote.Cluster.Handling;

/// <summary>Figures of clusters together. Not thread-safe.</summary>
internal sealed class SubtreeSum
{
    private readonly SortedDictionary<string, Amounts> _resources = new(StringComparer.Ordinal);
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

    /// <summary>How many of them are online; the figures are of those of these whose managed cluster answers.</summary>
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
            Add(resource.Name, new Amounts(resource.Capacity, resource.Allocatable, resource.Requested, Math.Max(0, resource.Used - 1), resource.Used > 0 ? 1 : 0), 1);
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

    /// <summary>Writes nodes, pods, capacity, allocatable, requested and, where it is measured, used as a status has them.</summary>
    public void Write(JsonObject status)
    {
        status["nodes"] = new JsonObject { ["total"] = _nodes, ["ready"] = _nodesReady };
        status["pods"] = new JsonObject
        {
            ["total"] = _pods, ["ready"] = _podsReady, ["pending"] = _podsPending, ["running"] = _podsRunning, ["succeeded"] = _podsSucceeded, ["failed"] = _podsFailed,
        };
        status["capacity"] = Column(static r => r.Capacity);
        status["allocatable"] = Column(static r => r.Allocatable);
        status["requested"] = Column(static r => r.Requested);
        status["used"] = Column(static r => r.Measured > 0 ? r.Used : null);
    }

    private JsonObject Column(Func<Amounts, long?> column) =>
        new(_resources.Where(r => column(r.Value) is not null).Select(r => KeyValuePair.Create<string, JsonNode?>(r.Key, ResourceText.Of(r.Key, column(r.Value)!.Value))));

    private void Add(string name, Amounts amounts, int sign)
    {
        var after = _resources.GetValueOrDefault(name).Plus(amounts, sign);
        if (after == default)
        {
            _resources.Remove(name);
        }
        else
        {
            _resources[name] = after;
        }
    }

    /// <summary>Of one resource.</summary>
    /// <param name="Capacity">What there is.</param>
    /// <param name="Allocatable">Of that, for pods.</param>
    /// <param name="Requested">By pods.</param>
    /// <param name="Used">Where it is measured.</param>
    /// <param name="Measured">In so many clusters it is.</param>
    private readonly record struct Amounts(long Capacity, long Allocatable, long Requested, long Used, int Measured)
    {
        public Amounts Plus(Amounts other, int sign) => new(
            Capacity + (sign * other.Capacity), Allocatable + (sign * other.Allocatable), Requested + (sign * other.Requested), Used + (sign * other.Used), Measured + (sign * other.Measured));
    }
}
