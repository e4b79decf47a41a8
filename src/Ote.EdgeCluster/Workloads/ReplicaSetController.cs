using System.Text.Json.Nodes;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Kube.Reconciling;

namespace Ote.EdgeCluster.Workloads;

/// <summary>Carries out what <see cref="ReplicaSetDecision"/> says.</summary>
internal sealed class ReplicaSetController(ClusterView view, EventRecorder events, TimeProvider time) : IController
{
    private const string Component = "replicaset-controller";
    private static readonly TimeSpan RetryRefused = TimeSpan.FromSeconds(15);

    public ResourceRef Kind => Kinds.ReplicaSets;

    public async Task<Next> ReconcileAsync(string key, CancellationToken cancellation)
    {
        if (view.ReplicaSets.Get(key) is not { } set)
        {
            return Next.Done;
        }

        var claims = view.Sort(set, Kinds.ReplicaSets, Kinds.Pods);
        var decision = ReplicaSetDecision.Decide(set, claims.Owned, time.GetUtcNow());
        string? refused = null;
        if (decision.Create > 0 || decision.Delete.Count > 0 || claims.Adopt.Count > 0 || claims.Release.Count > 0)
        {
            if (await view.LiveAsync(Kinds.ReplicaSets, set, cancellation).ConfigureAwait(false) is not { } live)
            {
                return Next.Done;
            }

            var owned = await view.ClaimAsync(Kinds.ReplicaSets, live, Kinds.Pods, cancellation).ConfigureAwait(false);
            set = live;
            decision = ReplicaSetDecision.Decide(set, owned, time.GetUtcNow());
            refused = await CreateAsync(set, decision.Create, cancellation).ConfigureAwait(false);
            await DeleteAsync(set, decision.Delete, cancellation).ConfigureAwait(false);
        }

        if (refused is not null || decision.Create == 0)
        {
            ReplicaSetDecision.SetFailure(decision.Status, refused, time.GetUtcNow());
        }

        await view.ShowAsync(Kinds.ReplicaSets, set, decision.Status, cancellation).ConfigureAwait(false);
        return refused is not null ? Next.After(RetryRefused) : decision.Again is { } again ? Next.After(again) : Next.Done;
    }

    private async Task<string?> CreateAsync(JsonObject set, int count, CancellationToken cancellation)
    {
        for (var i = 0; i < count; i++)
        {
            try
            {
                var made = await view.CreateAsync(Kinds.Pods, PodTemplate.NewPod(set, Kinds.ReplicaSets), cancellation).ConfigureAwait(false);
                events.Normal(set, "SuccessfulCreate", $"Created pod: {made.Name()}", Component);
            }
            catch (KubeStatusException refused) when (refused.Code is >= 400 and < 500 && !refused.IsConflict)
            {
                // The next pod would be refused like this one: stop, say so, try again later.
                events.Warning(set, "FailedCreate", $"Error creating: {refused.Message}", Component);
                return refused.Message;
            }
        }

        return null;
    }

    private async Task DeleteAsync(JsonObject set, IReadOnlyList<JsonObject> pods, CancellationToken cancellation)
    {
        foreach (var pod in pods)
        {
            if (await view.DeleteAsync(Kinds.Pods, pod, cancellation).ConfigureAwait(false))
            {
                events.Normal(set, "SuccessfulDelete", $"Deleted pod: {pod.Name()}", Component);
            }
        }
    }
}
