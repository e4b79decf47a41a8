using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Kube.Reconciling;

namespace Ote.EdgeCluster.Workloads;

/// <summary>Carries out what <see cref="DeploymentDecision"/> says.</summary>
internal sealed class DeploymentController(ClusterView view, EventRecorder events, TimeProvider time, ILogger log) : IController
{
    private const string Component = "deployment-controller";

    public ResourceRef Kind => Kinds.Deployments;

    public async Task<Next> ReconcileAsync(string key, CancellationToken cancellation)
    {
        if (view.Deployments.Get(key) is not { } deployment)
        {
            return Next.Done;
        }

        var claims = view.Sort(deployment, Kinds.Deployments, Kinds.ReplicaSets);
        var decision = DeploymentDecision.Decide(deployment, claims.Owned, time.GetUtcNow());
        if (decision.Acts || claims.Adopt.Count > 0 || claims.Release.Count > 0)
        {
            if (await view.LiveAsync(Kinds.Deployments, deployment, cancellation).ConfigureAwait(false) is not { } live)
            {
                return Next.Done;
            }

            var owned = await view.ClaimAsync(Kinds.Deployments, live, Kinds.ReplicaSets, cancellation).ConfigureAwait(false);
            decision = DeploymentDecision.Decide(live, owned, time.GetUtcNow());
            deployment = await ActAsync(live, decision, owned, cancellation).ConfigureAwait(false);
        }

        await view.ShowAsync(Kinds.Deployments, deployment, decision.Status, cancellation).ConfigureAwait(false);
        return decision.Again is { } again ? Next.After(again) : Next.Done;
    }

    private async Task<JsonObject> ActAsync(
        JsonObject deployment, DeploymentDecision decision, IReadOnlyList<JsonObject> owned, CancellationToken cancellation)
    {
        if (decision.Create is { } create && !await CreateAsync(deployment, create, decision, cancellation).ConfigureAwait(false))
        {
            return deployment;
        }

        if (decision.Annotate is { } annotations)
        {
            var template = PodTemplate.Of(deployment);
            var present = owned.First(s => PodTemplate.Same(PodTemplate.Of(s), template));
            var patch = new JsonObject { ["metadata"] = new JsonObject { ["annotations"] = annotations.DeepClone() } };
            await view.PatchAsync(Kinds.ReplicaSets, present, patch, cancellation).ConfigureAwait(false);
        }

        foreach (var scaling in decision.Scale)
        {
            // No version is asked for: this set is resized by its deployment alone, and never by two at once.
            var patch = new JsonObject { ["spec"] = new JsonObject { ["replicas"] = scaling.To } };
            await view.PatchAsync(Kinds.ReplicaSets, scaling.Set, patch, cancellation).ConfigureAwait(false);
            events.Normal(deployment, "ScalingReplicaSet", scaling.Text, Component);
        }

        foreach (var old in decision.Delete)
        {
            await view.DeleteAsync(Kinds.ReplicaSets, old, cancellation).ConfigureAwait(false);
        }

        if (decision.Revision is { } revision)
        {
            var patch = new JsonObject { ["metadata"] = new JsonObject { ["annotations"] = new JsonObject { [DeploymentDecision.RevisionAnnotation] = revision } } };
            return await view.PatchAsync(Kinds.Deployments, deployment, patch, cancellation).ConfigureAwait(false);
        }

        return deployment;
    }

    private async Task<bool> CreateAsync(JsonObject deployment, JsonObject create, DeploymentDecision decision, CancellationToken cancellation)
    {
        try
        {
            var made = await view.CreateAsync(Kinds.ReplicaSets, create, cancellation).ConfigureAwait(false);
            if (made.Replicas() > 0)
            {
                events.Normal(deployment, "ScalingReplicaSet", $"Scaled up replica set {made.Name()} from 0 to {made.Replicas()}", Component);
            }

            return true;
        }
        catch (KubeStatusException taken) when (taken.IsAlreadyExists)
        {
            // Its name is taken by a set of another template or another owner: the next name is tried.
            var collisions = (deployment.Whole("status", "collisionCount") ?? 0) + 1;
            decision.Status["collisionCount"] = collisions;
            log.NameCollided(deployment.Key(), create.Name(), collisions);
            return false;
        }
    }
}
