using Ote.EdgeCluster.Workloads;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Kube.Reconciling;

namespace Ote.EdgeCluster.Jobs;

/// <summary>Carries out what <see cref="CronJobDecision"/> says.</summary>
internal sealed class CronJobController(ClusterView view, EventRecorder events, TimeProvider time) : IController
{
    private const string Component = "cronjob-controller";

    public ResourceRef Kind => Kinds.CronJobs;

    public async Task<Next> ReconcileAsync(string key, CancellationToken cancellation)
    {
        if (view.CronJobs.Get(key) is not { } cron)
        {
            return Next.Done;
        }

        var jobs = view.Jobs.OwnedBy(cron, Kinds.CronJobs).Where(j => j.Controller()?.Uid == cron.Uid()).ToList();
        var decision = CronJobDecision.Decide(cron, jobs, time.GetUtcNow());
        if (decision.Warning is { } warning)
        {
            events.Warning(cron, warning.Reason, warning.Message, Component);
        }

        foreach (var job in decision.Delete)
        {
            await view.DeleteAsync(Kinds.Jobs, job, cancellation).ConfigureAwait(false);
            events.Normal(cron, "SuccessfulDelete", $"Deleted job {job.Name()}", Component);
        }

        if (decision.Create is { } wanted)
        {
            // The job's name follows from the time: made again after a fall, it is there already.
            try
            {
                var made = await view.CreateAsync(Kinds.Jobs, wanted, cancellation).ConfigureAwait(false);
                events.Normal(cron, "SuccessfulCreate", $"Created job {made.Name()}", Component);
                var active = decision.Status.Items("active");
                if (active is null)
                {
                    decision.Status["active"] = active = [];
                }

                active.Add((System.Text.Json.Nodes.JsonNode)CronJobDecision.Reference(made));
            }
            catch (KubeStatusException there) when (there.IsAlreadyExists)
            {
                // By a run before this one; the time has had its job.
            }
        }

        await view.ShowAsync(Kinds.CronJobs, cron, decision.Status, cancellation).ConfigureAwait(false);
        return decision.Again is { } again ? Next.After(again) : Next.Done;
    }
}
