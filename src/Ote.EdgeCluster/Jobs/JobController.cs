using System.Text.Json.Nodes;
using Ote.EdgeCluster.Workloads;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Kube.Reconciling;

namespace Ote.EdgeCluster.Jobs;

/// <summary>Carries out what <see cref="JobDecision"/> says.</summary>
internal sealed class JobController(ClusterView view, EventRecorder events, TimeProvider time) : IController
{
    private const string Component = "job-controller";
    private static readonly TimeSpan RetryRefused = TimeSpan.FromSeconds(15);

    public ResourceRef Kind => Kinds.Jobs;

    public async Task<Next> ReconcileAsync(string key, CancellationToken cancellation)
    {
        if (view.Jobs.Get(key) is not { } job)
        {
            await LetGoAsync(key, cancellation).ConfigureAwait(false);
            return Next.Done;
        }

        if (job.Text("spec", "managedBy") is { } other && other != "kubernetes.io/job-controller")
        {
            return Next.Done;
        }

        var pods = await view.ClaimAsync(Kinds.Jobs, job, Kinds.Pods, cancellation).ConfigureAwait(false);
        var decision = JobDecision.Decide(job, pods, time.GetUtcNow());
        if (decision.Remove)
        {
            await view.DeleteAsync(Kinds.Jobs, job, cancellation).ConfigureAwait(false);
            return Next.Done;
        }

        // First the counts, then the pods: one that is let go before it is counted would be lost.
        var shown = await view.ShowAsync(Kinds.Jobs, job, decision.Status, cancellation).ConfigureAwait(false);
        Tell(job, shown);
        foreach (var pod in decision.Untrack)
        {
            await UntrackAsync(pod, cancellation).ConfigureAwait(false);
        }

        var refused = false;
        if (decision.Create.Count > 0 || decision.Delete.Count > 0)
        {
            foreach (var pod in decision.Delete)
            {
                await UntrackAsync(pod, cancellation).ConfigureAwait(false);
                await view.DeleteAsync(Kinds.Pods, pod, cancellation).ConfigureAwait(false);
                events.Normal(job, "SuccessfulDelete", $"Deleted pod: {pod.Name()}", Component);
            }

            refused = !await CreateAsync(job, decision.Create, cancellation).ConfigureAwait(false);
        }

        // What was just let go is counted with the next look, which its own change brings.
        return refused ? Next.After(RetryRefused) : decision.Again is { } again ? Next.After(again) : Next.Done;
    }

    private void Tell(JsonObject before, JsonObject now)
    {
        if (JobDecision.IsFinished(now) && !JobDecision.IsFinished(before))
        {
            if (now.IsTrue("Complete"))
            {
                events.Normal(now, "Completed", "Job completed", Component);
            }
            else
            {
                events.Warning(now, now.Condition("Failed").Text("reason") ?? "Failed", now.Condition("Failed").Text("message") ?? "", Component);
            }
        }
    }

    private async Task<bool> CreateAsync(JsonObject job, IReadOnlyList<int?> indexes, CancellationToken cancellation)
    {
        foreach (var index in indexes)
        {
            try
            {
                var made = await view.CreateAsync(Kinds.Pods, JobPod.Make(job, index), cancellation).ConfigureAwait(false);
                events.Normal(job, "SuccessfulCreate", $"Created pod: {made.Name()}", Component);
            }
            catch (KubeStatusException refused) when (refused.Code is >= 400 and < 500 && !refused.IsConflict)
            {
                events.Warning(job, "FailedCreate", $"Error creating: {refused.Message}", Component);
                return false;
            }
        }

        return true;
    }

    /// <summary>The job is gone: nobody counts its pods any more.</summary>
    private async Task LetGoAsync(string key, CancellationToken cancellation)
    {
        var (ns, name) = WorkKey.Parts(key);
        foreach (var pod in view.Pods.Find(IndexKeys.Owner(ns, Kinds.Jobs.Kind, name)))
        {
            await UntrackAsync(pod, cancellation).ConfigureAwait(false);
        }
    }

    private async Task UntrackAsync(JsonObject pod, CancellationToken cancellation)
    {
        if (!JobPod.IsTracked(pod))
        {
            return;
        }

        try
        {
            var left = await view.PatchAsync(Kinds.Pods, pod, JobPod.Untrack(pod), cancellation).ConfigureAwait(false);
            if (left.IsDeleting() && left.Whole("metadata", "deletionGracePeriodSeconds") is not > 0)
            {
                view.Pods.Removed(pod.Key(), pod.Uid());
            }
        }
        catch (KubeStatusException gone) when (gone.IsNotFound)
        {
            view.Pods.Removed(pod.Key(), pod.Uid());
        }
    }
}
