using Ote.EdgeCluster.Workloads;
using Ote.Flow;

namespace Ote.EdgeCluster.Nodes;

/// <summary>Pods that are bound to no node: those to be tried, and those that found none and wait for something to change. Thread-safe; bounded by the pods of the cluster.</summary>
internal sealed class Unplaced(WorkQueue<string> queue)
{
    private readonly Lock _gate = new();
    private readonly HashSet<string> _toTry = new(StringComparer.Ordinal);
    private readonly HashSet<string> _refused = new(StringComparer.Ordinal);

    /// <summary>The only key of the scheduler's work: all that wait are looked at together, the more important before the others.</summary>
    public static string Work { get; } = WorkKey.Of("scheduling", "all");

    /// <summary>A pod is to be tried.</summary>
    public void Add(string key)
    {
        lock (_gate)
        {
            _refused.Remove(key);
            _toTry.Add(key);
        }

        queue.Add(Work);
    }

    /// <summary>A pod needs no node any more.</summary>
    public void Remove(string key)
    {
        lock (_gate)
        {
            _refused.Remove(key);
            _toTry.Remove(key);
        }
    }

    /// <summary>Takes all that are to be tried. They count as refused until they are removed, so that a change meanwhile wakes them.</summary>
    public IReadOnlyList<string> Take()
    {
        lock (_gate)
        {
            string[] taken = [.. _toTry];
            _refused.UnionWith(_toTry);
            _toTry.Clear();
            return taken;
        }
    }

    /// <summary>Something changed: those that were refused are tried again.</summary>
    public void Wake()
    {
        lock (_gate)
        {
            if (_refused.Count == 0)
            {
                return;
            }

            _toTry.UnionWith(_refused);
            _refused.Clear();
        }

        queue.Add(Work);
    }
}
