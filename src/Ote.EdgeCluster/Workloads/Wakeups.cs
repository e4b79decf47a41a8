using System.Text.Json.Nodes;
using Ote.EdgeCluster.Nodes;
using Ote.EdgeCluster.Services;
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
        foreach (var cache in new[] { view.Deployments, view.DaemonSets, view.StatefulSets, view.CronJobs, view.Services, view.Budgets, view.Namespaces })
        {
            cache.Changed += (old, now) => Add(cache.Kind, (now ?? old)!);
        }

        view.Deployments.Changed += OnScaled;
        view.StatefulSets.Changed += OnScaled;
        view.ReplicaSets.Changed += OnReplicaSet;
        view.Jobs.Changed += OnJob;
        view.Pods.Changed += OnPod;
        view.Nodes.Changed += OnNode;
        view.Revisions.Changed += (old, now) => OnOwned(now is null ? old : null);
        view.Slices.Changed += OnSlice;
        view.Endpoints.Changed += (old, now) => Wake(Kinds.Services, (now ?? old)!.Namespace(), (now ?? old)!.Name());
        view.VolumeClaims.Changed += OnClaim;
        view.PriorityClasses.Changed += (_, _) => _unplaced.Wake();
    }

    private void Add(ResourceRef kind, JsonObject obj) => _queue.Add(WorkKey.Of(kind, obj.Key()));

    private void Wake(ResourceRef kind, string ns, string name) => _queue.Add(WorkKey.Of(kind, $"{ns}/{name}"));

    /// <summary>An owner's work is asked for; of kinds that nobody here works on, nothing.</summary>
    private void OnOwned(JsonObject? owned)
    {
        if (owned?.Controller() is not { } owner)
        {
            return;
        }

        var kind = owner.Kind switch
        {
            "Deployment" => Kinds.Deployments,
            "ReplicaSet" => Kinds.ReplicaSets,
            "DaemonSet" => Kinds.DaemonSets,
            "StatefulSet" => Kinds.StatefulSets,
            "Job" => Kinds.Jobs,
            "CronJob" => Kinds.CronJobs,
            _ => null,
        };
        if (kind is not null)
        {
            Wake(kind, owned.Namespace(), owner.Name);
        }
    }

    private void OnReplicaSet(JsonObject? old, JsonObject? now)
    {
        Add(Kinds.ReplicaSets, (now ?? old)!);
        OnScaled(old, now);
        foreach (var state in new[] { old, now })
        {
            OnOwned(state);
            if (state is not null && state.Controller() is null)
            {
                Orphaned(_view.Deployments, state);
            }
        }
    }

    private void OnJob(JsonObject? old, JsonObject? now)
    {
        Add(Kinds.Jobs, (now ?? old)!);
        OnOwned(old);
        OnOwned(now);
    }

    private void OnPod(JsonObject? old, JsonObject? now)
    {
        Add(Kinds.Pods, (now ?? old)!);
        foreach (var state in new[] { old, now })
        {
            OnOwned(state);
            if (state is not null && state.Controller() is null)
            {
                Orphaned(_view.ReplicaSets, state);
                Orphaned(_view.DaemonSets, state);
                Orphaned(_view.StatefulSets, state);
            }
        }

        if (old is null || now is null || !JsonNode.DeepEquals(old["status"], now["status"]) || !JsonNode.DeepEquals(old["metadata"], now["metadata"]))
        {
            Selected(old);
            Selected(now);
        }

        if (now is null || (now.IsOver() && !old!.IsOver()))
        {
            // Room on a node.
            _unplaced.Wake();
        }
    }

    /// <summary>Services and budgets that may mean a pod.</summary>
    private void Selected(JsonObject? pod)
    {
        if (pod is null)
        {
            return;
        }

        foreach (var (name, value) in pod.Labels() ?? [])
        {
            foreach (var service in _view.Services.Find(IndexKeys.Label(pod.Namespace(), name, value.Text() ?? "")))
            {
                Add(Kinds.Services, service);
            }
        }

        Budgets(pod);
    }

    private void OnScaled(JsonObject? old, JsonObject? now)
    {
        if (old is null || now is null || old.Replicas() != now.Replicas())
        {
            Budgets((now ?? old)!);
        }
    }

    private void Budgets(JsonObject inNamespace)
    {
        foreach (var budget in _view.Budgets.Find(IndexKeys.Within(inNamespace.Namespace())))
        {
            Add(Kinds.PodDisruptionBudgets, budget);
        }
    }

    private void OnNode(JsonObject? old, JsonObject? now)
    {
        var node = (now ?? old)!;
        Add(Kinds.Nodes, node);
        _queue.Add(WorkKey.Of("node-lifecycle", node.Name()));
        _unplaced.Wake();
        foreach (var daemon in _view.DaemonSets.Items)
        {
            Add(Kinds.DaemonSets, daemon);
        }

        if (old is null || now is null || old.IsTrue("Ready") != now.IsTrue("Ready") || !JsonNode.DeepEquals(old["spec"], now["spec"]))
        {
            foreach (var pod in _view.Pods.Find(IndexKeys.Node(node.Name())))
            {
                Add(Kinds.Pods, pod);
            }

            foreach (var service in _view.Services.Items.Where(s => s.Text("spec", "type") == "LoadBalancer"))
            {
                Add(Kinds.Services, service);
            }
        }
    }

    private void OnSlice(JsonObject? old, JsonObject? now)
    {
        if ((now ?? old)!.Text("metadata", "labels", EndpointDecision.ServiceLabel) is { } service)
        {
            Wake(Kinds.Services, (now ?? old)!.Namespace(), service);
        }
    }

    private void OnClaim(JsonObject? old, JsonObject? now)
    {
        Add(Kinds.PersistentVolumeClaims, (now ?? old)!);
        _unplaced.Wake();
    }

    private void Orphaned(KindCache owners, JsonObject orphan)
    {
        var words = (orphan.Labels() ?? []).Select(l => IndexKeys.Label(orphan.Namespace(), l.Key, l.Value.Text() ?? "")).Append(IndexKeys.AnyLabel(orphan.Namespace()));
        foreach (var owner in words.SelectMany(owners.Find))
        {
            if (ClusterView.Sort(owner, [orphan]).Adopt.Count > 0)
            {
                Add(owners.Kind, owner);
            }
        }
    }
}
