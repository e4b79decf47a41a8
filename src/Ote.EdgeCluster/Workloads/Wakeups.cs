using System.Text.Json.Nodes;
using Ote.EdgeCluster.Nodes;
using Ote.Flow;
using Ote.Kube.Objects;

namespace Ote.EdgeCluster.Workloads;

/// <summary>Turns changes of objects into keys of the work they may mean. Adds too many rather than too few: work that finds nothing to do is cheap.</summary>
internal sealed class Wakeups
{
    private readonly ClusterView _view;
    private readonly WorkQueue<string> _queue;
    private readonly Unplaced _unplaced;

    public Wakeups(ClusterView view, WorkQueue<string> queue, Unplaced unplaced)
    {
        (_view, _queue, _unplaced) = (view, queue, unplaced);
        view.Deployments.Changed += (old, now) => Add(Kinds.Deployments, (now ?? old)!);
        view.ReplicaSets.Changed += OnReplicaSet;
        view.DaemonSets.Changed += (old, now) => Add(Kinds.DaemonSets, (now ?? old)!);
        view.Pods.Changed += OnPod;
        view.Nodes.Changed += OnNode;
    }

    private void Add(ResourceRef kind, JsonObject obj) => _queue.Add(WorkKey.Of(kind, obj.Key()));

    private void OnReplicaSet(JsonObject? old, JsonObject? now)
    {
        Add(Kinds.ReplicaSets, (now ?? old)!);
        foreach (var state in new[] { old, now })
        {
            if (state is null)
            {
                continue;
            }

            if (state.Controller() is { } owner)
            {
                _queue.Add(WorkKey.Of(Kinds.Deployments, $"{state.Namespace()}/{owner.Name}"));
            }
            else
            {
                Orphaned(Kinds.Deployments, _view.Deployments.Items, state);
            }
        }
    }

    private void OnPod(JsonObject? old, JsonObject? now)
    {
        Add(Kinds.Pods, (now ?? old)!);
        foreach (var state in new[] { old, now })
        {
            if (state is null)
            {
                continue;
            }

            switch (state.Controller())
            {
                case { Kind: "ReplicaSet" } owner:
                    _queue.Add(WorkKey.Of(Kinds.ReplicaSets, $"{state.Namespace()}/{owner.Name}"));
                    break;
                case { Kind: "DaemonSet" } owner:
                    _queue.Add(WorkKey.Of(Kinds.DaemonSets, $"{state.Namespace()}/{owner.Name}"));
                    break;
                case null:
                    Orphaned(Kinds.ReplicaSets, _view.ReplicaSets.Items, state);
                    Orphaned(Kinds.DaemonSets, _view.DaemonSets.Items, state);
                    break;
            }
        }

        if (now is null || (now.IsOver() && !old!.IsOver()))
        {
            // Room on a node.
            _unplaced.Wake(_queue);
        }
    }

    private void OnNode(JsonObject? old, JsonObject? now)
    {
        Add(Kinds.Nodes, (now ?? old)!);
        _unplaced.Wake(_queue);
        foreach (var daemon in _view.DaemonSets.Items)
        {
            Add(Kinds.DaemonSets, daemon);
        }
    }

    private void Orphaned(ResourceRef kind, IEnumerable<JsonObject> owners, JsonObject orphan)
    {
        foreach (var owner in owners)
        {
            if (owner.Namespace() == orphan.Namespace() && ClusterView.Sort(owner, [orphan]).Adopt.Count > 0)
            {
                Add(kind, owner);
            }
        }
    }
}
