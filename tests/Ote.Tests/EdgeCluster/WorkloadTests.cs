using System.Text.Json.Nodes;
using Ote.EdgeCluster.Workloads;
using Ote.Kube.Objects;

namespace Ote.Tests.EdgeCluster;

/// <summary>Workloads of every kind on a whole cluster in virtual time.</summary>
public sealed class WorkloadTests : IDisposable
{
    private const string Template = """{"metadata":{"labels":{"app":"db"}},"spec":{"containers":[{"name":"c","image":"x:1"}]}}""";
    private readonly string _folder = Directory.CreateTempSubdirectory("ote-edge-work-").FullName;

    [Fact]
    public async Task Stateful_set_rolls_out_in_order_and_back_to_the_revision_before()
    {
        await using var world = await EdgeWorld.StartAsync();
        await world.CreateAsync(Kinds.StatefulSets, StatefulSet(2));
        var sets = world.Watch(Kinds.StatefulSets);
        await sets.UntilAsync("db", s => s.Count("availableReplicas") == 2);
        var first = (await world.GetAsync(Kinds.StatefulSets, "db")).Text("status", "currentRevision");
        await world.PatchAsync(Kinds.StatefulSets, "db", """{"spec":{"template":{"spec":{"containers":[{"name":"c","image":"x:2"}]}}}}""");
        await sets.UntilAsync("db", s => s.Text("status", "currentRevision") is { } now && now != first && s.Count("updatedReplicas") == 2 && s.Count("readyReplicas") == 2);
        var revisions = world.Watch(Kinds.ControllerRevisions);
        var old = (await revisions.UntilAsync(r => r.Count == 2)).Single(r => r.Name() == first);

        // As kubectl rollout undo does it.
        await world.PatchAsync(Kinds.StatefulSets, "db", old["data"]!.ToJsonString());
        await sets.UntilAsync("db", s => s.Text("status", "currentRevision") == first && s.Count("readyReplicas") == 2);
        Assert.Equal([2L, 3L], (await revisions.UntilAsync(r => r.Any(x => RevisionHistory.NumberOf(x) == 3))).Select(RevisionHistory.NumberOf).Order());
        Assert.All(await world.Watch(Kinds.Pods).UntilAsync(p => p.Count == 2), p => Assert.Equal("x:1", p.Items("spec", "containers")![0].Text("image")));
    }

    [Fact]
    public async Task Claims_of_a_stateful_set_are_bound_stay_when_it_shrinks_and_are_found_again()
    {
        await using var world = await EdgeWorld.StartAsync();
        await world.CreateAsync(Kinds.StatefulSets, StatefulSet(2, """
            ,"volumeClaimTemplates":[{"metadata":{"name":"data"},"spec":{"accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"2Gi"}}}}]
            """));
        var sets = world.Watch(Kinds.StatefulSets);
        await sets.UntilAsync("db", s => s.Count("readyReplicas") == 2);
        var claims = world.Watch(Kinds.PersistentVolumeClaims);
        var bound = await claims.UntilAsync(c => c.Count == 2 && c.All(x => x.Text("status", "phase") == "Bound"));
        Assert.Equal("2Gi", bound[1].Text("status", "capacity", "storage"));
        await world.PatchAsync(Kinds.StatefulSets, "db", """{"spec":{"replicas":1}}""");
        await sets.UntilAsync("db", s => s.Count("replicas") == 1);
        await world.PatchAsync(Kinds.StatefulSets, "db", """{"spec":{"replicas":2}}""");
        await sets.UntilAsync("db", s => s.Count("readyReplicas") == 2);
        Assert.Equal(bound.Select(c => c.Uid()), claims.Items.Select(c => c.Uid()));

        await world.PatchAsync(Kinds.StatefulSets, "db", """{"spec":{"persistentVolumeClaimRetentionPolicy":{"whenDeleted":"Retain","whenScaled":"Delete"},"replicas":1}}""");
        await claims.UntilAsync(c => c.Count == 1);
        await world.Watch(Kinds.PersistentVolumes).UntilAsync(v => v.Count == 1);
    }

    [Fact]
    public async Task Pod_of_a_claim_that_is_never_bound_is_not_placed()
    {
        await using var world = await EdgeWorld.StartAsync();
        await world.CreateAsync(Kinds.PersistentVolumeClaims, """
            {"metadata":{"name":"data","annotations":{"simulated.ote.baidu.com/never-bound":"true"}},"spec":{"accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"1Gi"}}}}
            """);
        await world.CreateAsync(Kinds.Pods, """
            {"metadata":{"name":"p"},"spec":{"containers":[{"name":"c","image":"x"}],"volumes":[{"name":"d","persistentVolumeClaim":{"claimName":"data"}}]}}
            """);
        var pods = world.Watch(Kinds.Pods);
        var pod = await pods.UntilAsync("p", p => p.Condition("PodScheduled").Text("message") is { } m && m.Contains("unbound", StringComparison.Ordinal));
        Assert.Equal("0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims.", pod.Condition("PodScheduled").Text("message"));
        await world.PatchAsync(Kinds.PersistentVolumeClaims, "data", """{"metadata":{"annotations":{"simulated.ote.baidu.com/never-bound":null}}}""");
        await pods.UntilAsync("p", p => p.IsReady());
    }

    [Fact]
    public async Task Daemon_set_keeps_its_revisions()
    {
        await using var world = await EdgeWorld.StartAsync(nodes: 2);
        var daemon = Sample.DaemonSet();
        ((JsonObject)daemon["metadata"]!).Remove("uid");
        await world.CreateAsync(Kinds.DaemonSets, daemon.ToJsonString());
        var sets = world.Watch(Kinds.DaemonSets);
        await sets.UntilAsync("agent", d => d.Count("numberAvailable") == 2);
        await world.PatchAsync(Kinds.DaemonSets, "agent", """{"spec":{"template":{"spec":{"containers":[{"name":"web","image":"agent:2"}]}}}}""");
        await sets.UntilAsync("agent", d => d.Count("updatedNumberScheduled") == 2 && d.Count("numberAvailable") == 2 && d.Whole("status", "observedGeneration") == d.Generation());
        Assert.Equal([1L, 2L], (await world.Watch(Kinds.ControllerRevisions).UntilAsync(r => r.Count == 2)).Select(RevisionHistory.NumberOf).Order());
    }

    [Fact]
    public async Task Job_counts_each_pod_once_also_when_the_cluster_dies_in_the_middle()
    {
        await using var world = await EdgeWorld.StartAsync(folder: _folder);
        await world.CreateAsync(Kinds.Jobs, Job("work", "\"completions\":4,\"parallelism\":2,"));
        var jobs = world.Watch(Kinds.Jobs);
        await world.PassUntilAsync(jobs, all => all.Any(j => j.Whole("status", "succeeded") >= 2));
        await world.RestartAsync(_folder);
        jobs = world.Watch(Kinds.Jobs);
        var done = (await world.PassUntilAsync(jobs, all => all.Any(j => j.IsTrue("Complete"))))[0];
        Assert.Equal(4, done.Whole("status", "succeeded"));
        Assert.Null(done.At("status", "uncountedTerminatedPods"));
        var pods = await world.Watch(Kinds.Pods).UntilAsync(p => p.All(x => x.Items("metadata", "finalizers") is not { Count: > 0 }));
        Assert.Equal(4, pods.Count);
    }

    [Fact]
    public async Task Job_that_fails_too_often_says_so_and_a_deleted_job_takes_its_pods_along()
    {
        await using var world = await EdgeWorld.StartAsync();
        await world.CreateAsync(Kinds.Jobs, Job("bad", "\"backoffLimit\":1,", "\"simulated.ote.baidu.com/exit-after\":\"1s\",\"simulated.ote.baidu.com/exit-code\":\"3\""));
        var jobs = world.Watch(Kinds.Jobs);
        var failed = (await world.PassUntilAsync(jobs, all => all.Any(j => j.IsTrue("Failed"))))[0];
        Assert.Equal(("BackoffLimitExceeded", 2L), (failed.Condition("Failed").Text("reason"), failed.Whole("status", "failed")));
        await world.DeleteAsync(Kinds.Jobs, "bad");
        await world.Watch(Kinds.Pods).UntilAsync(p => p.Count == 0);
    }

    [Fact]
    public async Task Cron_job_makes_a_job_each_time_and_keeps_the_last_ones()
    {
        await using var world = await EdgeWorld.StartAsync();
        await world.CreateAsync(Kinds.CronJobs, $$$"""
            {"metadata":{"name":"tick"},"spec":{"schedule":"*/5 * * * *","successfulJobsHistoryLimit":2,"jobTemplate":{"spec":{"template":{"spec":{"restartPolicy":"Never","containers":[{"name":"c","image":"x"}]} } } } } }
            """);
        var jobs = world.Watch(Kinds.Jobs);
        var seen = new HashSet<string>();
        jobs.Seen += (_, now) =>
        {
            if (now is not null)
            {
                lock (seen)
                {
                    seen.Add(now.Name());
                }
            }
        };
        var crons = world.Watch(Kinds.CronJobs);
        await world.PassUntilAsync(crons, c => c.Any(x => x.Text("status", "lastScheduleTime") == "2026-03-01T12:20:00Z" && x.Text("status", "lastSuccessfulTime") is { } t && string.CompareOrdinal(t, "2026-03-01T12:20:00Z") > 0), TimeSpan.FromSeconds(5));
        await jobs.UntilAsync(j => j.Count == 2);
        Assert.Equal(4, seen.Count);
    }

    [Fact]
    public async Task Deleted_pod_ends_within_its_grace_and_is_gone_at_once_when_forced()
    {
        await using var world = await EdgeWorld.StartAsync(folder: _folder);
        foreach (var name in (string[])["slow", "stubborn", "forced"])
        {
            var stop = name == "slow" ? "20s" : "2h";
            await world.CreateAsync(Kinds.Pods, $$$"""{"metadata":{"name":"{{{name}}}","annotations":{"simulated.ote.baidu.com/stop-after":"{{{stop}}}"} },"spec":{"terminationGracePeriodSeconds":60,"containers":[{"name":"c","image":"x"}]} }""");
        }

        var pods = world.Watch(Kinds.Pods);
        await pods.UntilAsync(p => p.Count(x => x.IsReady()) == 3);
        foreach (var pod in pods.Items)
        {
            await world.DeleteAsync(Kinds.Pods, pod.Name());
        }

        var deleted = world.Time.GetUtcNow();
        await pods.UntilAsync(p => p.Count(x => x.IsDeleting()) == 3);
        await world.Client.SendAsync(HttpMethod.Delete, Kinds.Pods.Path("default", "forced") + "?gracePeriodSeconds=0", null, null, TestContext.Current.CancellationToken);
        await pods.UntilAsync(p => p.Count == 2);
        await world.QuietAsync();
        world.Time.Advance(deleted.AddSeconds(15) - world.Time.GetUtcNow());
        await world.RestartAsync(_folder);
        pods = world.Watch(Kinds.Pods);
        await pods.UntilAsync(p => p.Count == 2);
        await world.QuietAsync();
        Assert.Equal(2, pods.Items.Count);
        await world.PassUntilAsync(pods, p => p.Count == 1);
        Assert.Equal(("stubborn", deleted.AddSeconds(60).ToKubeTime()), (pods.Items[0].Name(), pods.Items[0].Text("metadata", "deletionTimestamp")));
        Assert.Equal(deleted.AddSeconds(20), world.Time.GetUtcNow(), TimeSpan.FromSeconds(3));
        await world.PassUntilAsync(pods, p => p.Count == 0);
        Assert.Equal(deleted.AddSeconds(60), world.Time.GetUtcNow(), TimeSpan.FromSeconds(3));
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static string StatefulSet(int replicas, string more = "") => $$$"""
        {"metadata":{"name":"db","namespace":"default"},"spec":{"replicas":{{{replicas}}},"serviceName":"db","selector":{"matchLabels":{"app":"db"} },"template":{{{Template}}}{{{more}}} } }
        """;

    private static string Job(string name, string spec, string annotations = "") => $$$"""
        {"metadata":{"name":"{{{name}}}"},"spec":{ {{{spec}}}"template":{"metadata":{"annotations":{ {{{annotations}}} } },"spec":{"restartPolicy":"Never","containers":[{"name":"c","image":"x"}]} } } }
        """;
}
