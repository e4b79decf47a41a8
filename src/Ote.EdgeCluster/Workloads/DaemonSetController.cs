using System.Text.Json.Nodes;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Kube.Reconciling;

namespace Ote.EdgeCluster.Workloads;

/// <summary>Carries out what <see cref="DaemonSetDecision"/> says.</summary>
internal sealed class DaemonSetController(ClusterView view, RevisionKeeper revisions, EventRecorder events, TimeProvider time) : IController
{
    private const string Component = "daemonset-controller";
    private static readonly TimeSpan RetryRefused = TimeSpan.FromSeconds(15);

    public ResourceRef Kind => Kinds.DaemonSets;

    public async Task<Next> ReconcileAsync(string key, CancellationToken cancellation)
    {
        if (view.DaemonSets.Get(key) is not { } set)
        {
            return Next.Done;
        }

        var claims = view.Sort(set, Kinds.DaemonSets, Kinds.Pods);
        if (!set.IsDeleting())
        {
            bool InUse(JsonObject revision) =>
                revision.Text("metadata", "labels", RevisionHistory.HashLabel) is { } hash && claims.Owned.Any(p => p.Text("metadata", "labels", RevisionHistory.HashLabel) == hash);
            if (await revisions.KeepAsync(set, Kinds.DaemonSets, InUse, cancellation).ConfigureAwait(false) is null)
            {
                return Next.After(TimeSpan.Zero);
            }
        }

        var decision = DaemonSetDecision.Decide(set, view.Nodes.Items, claims.Owned, time.GetUtcNow());
        var refused = false;
        if (decision.CreateOn.Count > 0 || decision.Delete.Count > 0 || claims.Adopt.Count > 0 || claims.Release.Count > 0)
        {
            if (await view.LiveAsync(Kinds.DaemonSets, set, cancellation).ConfigureAwait(false) is not { } live)
            {
                return Next.Done;
            }

            var owned = await view.ClaimAsync(Kinds.DaemonSets, live, Kinds.Pods, cancellation).ConfigureAwait(false);
            set = live;
            decision = DaemonSetDecision.Decide(set, view.Nodes.Items, owned, time.GetUtcNow());
            foreach (var pod in decision.Delete)
            {
                await view.DeleteAsync(Kinds.Pods, pod, cancellation).ConfigureAwait(false);
                events.Normal(set, "SuccessfulDelete", $"Deleted pod: {pod.Name()}", Component);
            }

            refused = !await CreateAsync(set, decision.CreateOn, cancellation).ConfigureAwait(false);
        }

        await view.ShowAsync(Kinds.DaemonSets, set, decision.Status, cancellation).ConfigureAwait(false);
        return refused ? Next.After(RetryRefused) : decision.Again is { } again ? Next.After(again) : Next.Done;
    }

    private async Task<bool> CreateAsync(JsonObject set, IReadOnlyList<string> nodes, CancellationToken cancellation)
    {
        foreach (var node in nodes)
        {
            try
            {
                var made = await view.CreateAsync(Kinds.Pods, DaemonSetDecision.NewPod(set, node), cancellation).ConfigureAwait(false);
                events.Normal(set, "SuccessfulCreate", $"Created pod: {made.Name()}", Component);
            }
            catch (KubeStatusException refused) when (refused.Code is >= 400 and < 500 && !refused.IsConflict)
            {
                events.Warning(set, "FailedCreate", $"Error creating: {refused.Message}", Component);
                return false;
            }
        }

        return true;
    }
}
