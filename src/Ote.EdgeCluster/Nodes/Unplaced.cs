using System.Collections.Concurrent;
using Ote.EdgeCluster.Workloads;
using Ote.Flow;
using Ote.Kube.Objects;

namespace Ote.EdgeCluster.Nodes;

/// <summary>Pods that found no node and wait for something to change. Thread-safe; bounded by the pods of the cluster.</summary>
internal sealed class Unplaced
{
    private readonly ConcurrentDictionary<string, bool> _keys = new(StringComparer.Ordinal);

    public void Add(string key) => _keys[key] = true;

    public void Remove(string key) => _keys.TryRemove(key, out _);

    /// <summary>Something changed: all of them are tried again.</summary>
    public void Wake(WorkQueue<string> queue)
    {
        foreach (var (key, _) in _keys)
        {
            queue.Add(WorkKey.Of(Kinds.Pods, key));
        }
    }
}
