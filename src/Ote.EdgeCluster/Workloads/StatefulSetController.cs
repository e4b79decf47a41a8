using System.Text.Json.Nodes;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Kube.Reconciling;

namespace Ote.EdgeCluster.Workloads;

/// <summary>Carries out what <see cref="StatefulSetDecision"/> says.</summary>
internal sealed class StatefulSetController(ClusterView view, RevisionKeeper revisions, EventRecorder events, TimeProvider time) : IController
{
    private const string Component = "statefulset-controller";
    private static readonly TimeSpan RetryRefused = TimeSpan.FromSeconds(15);

    public ResourceRef Kind => Kinds.StatefulSets;

    public async Task<Next> ReconcileAsync(string key, CancellationToken cancellation)
    {
        if (view.StatefulSets.Get(key) is not { } set || set.IsDeleting())
        {
            return Next.Done;
        }

        var owned = await view.ClaimAsync(Kinds.StatefulSets, set, Kinds.Pods, cancellation).ConfigureAwait(false);
        bool InUse(JsonObject revision) =>
            revision.Name() == set.Text("status", "currentRevision") || owned.Any(p => p.Text("metadata", "labels", RevisionHistory.HashLabel) == revision.Name());
        if (await revisions.KeepAsync(set, Kinds.StatefulSets, InUse, cancellation).ConfigureAwait(false) is not { } current)
        {
            return Next.After(TimeSpan.Zero);
        }

        var decision = StatefulSetDecision.Decide(set, current.Name(), owned, time.GetUtcNow());
        var refused = false;
        if (decision.Create.Count > 0 || decision.Delete.Count > 0)
        {
            if (await view.LiveAsync(Kinds.StatefulSets, set, cancellation).ConfigureAwait(false) is not { } live || live.Generation() != set.Generation())
            {
                // The newer one wakes us.
                return Next.Done;
            }

            refused = !await CreateAsync(set, decision, current, cancellation).ConfigureAwait(false);
            await DeleteAsync(set, decision, cancellation).ConfigureAwait(false);
            owned = [.. view.Pods.OwnedBy(set, Kinds.StatefulSets).Where(p => p.Controller()?.Uid == set.Uid())];
            set = view.StatefulSets.Get(key) ?? set;
            decision = StatefulSetDecision.Decide(set, current.Name(), owned, time.GetUtcNow());
        }

        await view.ShowAsync(Kinds.StatefulSets, set, decision.Status, cancellation).ConfigureAwait(false);
        return refused ? Next.After(RetryRefused) : decision.Again is { } again ? Next.After(again) : Next.Done;
    }

    private async Task<bool> CreateAsync(JsonObject set, StatefulSetDecision decision, JsonObject current, CancellationToken cancellation)
    {
        foreach (var (ordinal, revision) in decision.Create)
        {
            var template = revision == current.Name() || view.Revisions.Get($"{set.Namespace()}/{revision}") is not { } kept ? PodTemplate.Of(set) : RevisionHistory.TemplateOf(kept);
            var pod = StatefulPod.Make(set, template, revision, ordinal);
            try
            {
                foreach (var claim in StatefulPod.Claims(set, ordinal))
                {
                    await ClaimAsync(set, claim, cancellation).ConfigureAwait(false);
                }

                await view.CreateAsync(Kinds.Pods, pod, cancellation).ConfigureAwait(false);
                events.Normal(set, "SuccessfulCreate", $"create Pod {pod.Name()} in StatefulSet {set.Name()} successful", Component);
            }
            catch (KubeStatusException taken) when (taken.IsAlreadyExists)
            {
                // By a pod of somebody else: it is tried again when that one goes.
                events.Warning(set, "FailedCreate", $"create Pod {pod.Name()} in StatefulSet {set.Name()} failed error: {taken.Message}", Component);
                return false;
            }
            catch (KubeStatusException refused) when (refused.Code is >= 400 and < 500 && !refused.IsConflict)
            {
                events.Warning(set, "FailedCreate", $"create Pod {pod.Name()} in StatefulSet {set.Name()} failed error: {refused.Message}", Component);
                return false;
            }
        }

        return true;
    }

    private async Task ClaimAsync(JsonObject set, JsonObject wanted, CancellationToken cancellation)
    {
        var claim = view.VolumeClaims.Get(wanted.Key());
        if (claim is null)
        {
            try
            {
                claim = await view.CreateAsync(Kinds.PersistentVolumeClaims, wanted, cancellation).ConfigureAwait(false);
                events.Normal(set, "SuccessfulCreate", $"create Claim {claim.Name()} Pod in StatefulSet {set.Name()} success", Component);
            }
            catch (KubeStatusException there) when (there.IsAlreadyExists)
            {
                return; // Kept from before; the cache has not seen it yet.
            }
        }

        await RetainAsync(set, claim, null, cancellation).ConfigureAwait(false);
    }

    private async Task RetainAsync(JsonObject set, JsonObject claim, JsonObject? condemned, CancellationToken cancellation)
    {
        if (StatefulPod.Retention(set, claim, condemned) is { } patch)
        {
            await view.PatchAsync(Kinds.PersistentVolumeClaims, claim, patch, cancellation).ConfigureAwait(false);
        }
    }

    private async Task DeleteAsync(JsonObject set, StatefulSetDecision decision, CancellationToken cancellation)
    {
        foreach (var pod in decision.Delete)
        {
            if (decision.Condemned.Contains(pod))
            {
                foreach (var claim in StatefulPod.Claims(set, StatefulSetDecision.OrdinalOf(pod, set)).Select(c => view.VolumeClaims.Get(c.Key())).OfType<JsonObject>())
                {
                    await RetainAsync(set, claim, pod, cancellation).ConfigureAwait(false);
                }
            }

            if (await view.DeleteAsync(Kinds.Pods, pod, cancellation).ConfigureAwait(false))
            {
                events.Normal(set, "SuccessfulDelete", $"delete Pod {pod.Name()} in StatefulSet {set.Name()} successful", Component);
            }
        }
    }
}
