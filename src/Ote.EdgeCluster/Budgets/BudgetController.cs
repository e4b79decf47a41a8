using System.Text.Json.Nodes;
using Ote.EdgeCluster.Workloads;
using Ote.Kube.Objects;
using Ote.Kube.Reconciling;
using Ote.Kube.Server.Selectors;

namespace Ote.EdgeCluster.Budgets;

/// <summary>Shows what <see cref="BudgetDecision"/> says. Who evicts asks the API server, which takes from what is shown.</summary>
internal sealed class BudgetController(ClusterView view, TimeProvider time) : IController
{
    public ResourceRef Kind => Kinds.PodDisruptionBudgets;

    public async Task<Next> ReconcileAsync(string key, CancellationToken cancellation)
    {
        if (view.Budgets.Get(key) is not { } budget || budget.IsDeleting())
        {
            return Next.Done;
        }

        var decision = BudgetDecision.Decide(budget, Selected(budget), ScaleOf, time.GetUtcNow());
        await view.ShowAsync(Kinds.PodDisruptionBudgets, budget, decision.Status, cancellation).ConfigureAwait(false);
        return decision.Again is { } again ? Next.After(again) : Next.Done;
    }

    private List<JsonObject> Selected(JsonObject budget)
    {
        var ns = budget.Namespace();
        var selector = LabelSelector.FromObject(budget.At("spec", "selector") as JsonObject);
        var candidates = budget.At("spec", "selector", "matchLabels") is JsonObject { Count: > 0 } labels
            ? view.Pods.Find(IndexKeys.Label(ns, labels.First().Key, labels.First().Value.Text() ?? ""))
            : view.Pods.Find(IndexKeys.Within(ns));
        return [.. candidates.Where(p => selector?.Matches(p.Labels()) == true)];
    }

    private int? ScaleOf(JsonObject pod)
    {
        if (pod.Controller() is not { } owner)
        {
            return null;
        }

        var key = $"{pod.Namespace()}/{owner.Name}";
        switch (owner.Kind)
        {
            case "StatefulSet":
                return view.StatefulSets.Get(key)?.Replicas();
            case "ReplicaSet" when view.ReplicaSets.Get(key) is { } set:
                // Of a rollout all sets together count, so what their Deployment wants.
                return set.Controller() is { Kind: "Deployment" } deployment ? view.Deployments.Get($"{pod.Namespace()}/{deployment.Name}")?.Replicas() : set.Replicas();
            default:
                return null;
        }
    }
}
