using System.Text.Json.Nodes;
using Ote.EdgeCluster.Jobs;
using Ote.Kube.Objects;

namespace Ote.Tests.EdgeCluster.Jobs;

public sealed class JobDecisionTests
{
    private static readonly DateTimeOffset Now = Sample.Now;

    [Fact]
    public void Job_makes_as_many_pods_as_may_run_side_by_side()
    {
        Assert.Equal(2, Decide(Job("""{"completions":3,"parallelism":2}""")).Create.Count);
        Assert.Single(Decide(Job("""{"completions":3,"parallelism":2}"""), Pod("a")).Create);
        Assert.Empty(Decide(Job("""{"completions":3,"parallelism":2}"""), Pod("a"), Pod("b")).Create);
    }

    [Fact]
    public void Pod_that_ended_is_named_then_let_go_then_counted_and_never_twice()
    {
        var job = Job("""{"completions":2,"parallelism":1}""");
        var done = Pod("a", "Succeeded");
        var named = Decide(job, done);
        Assert.Equal(["a-uid"], named.Status.Items("uncountedTerminatedPods", "succeeded")!.Select(u => u.Text()));
        Assert.Null(named.Status["succeeded"]);
        Assert.Equal([done], named.Untrack);

        // The status is stored and the process dies before the pod is let go: the same again.
        job["status"] = named.Status.DeepClone();
        Assert.Equal(["a-uid"], Decide(job, done).Status.Items("uncountedTerminatedPods", "succeeded")!.Select(u => u.Text()));

        var counted = Decide(job, Free(done));
        Assert.Equal(1, counted.Status.Whole("succeeded"));
        Assert.Null(counted.Status["uncountedTerminatedPods"]);
        job["status"] = counted.Status.DeepClone();
        Assert.Equal(1, Decide(job, Free(done)).Status.Whole("succeeded"));
        Assert.Equal(1, Decide(job).Status.Whole("succeeded"));
    }

    [Fact]
    public void Job_is_complete_when_enough_pods_did_their_work_and_all_are_counted()
    {
        var job = Job("""{"completions":1,"parallelism":1}""");
        var first = Decide(job, Pod("a", "Succeeded"));
        Assert.False(IsTrue(first, "Complete"));
        Assert.True(IsTrue(first, "SuccessCriteriaMet"));
        job["status"] = first.Status.DeepClone();
        var second = Decide(job, Free(Pod("a", "Succeeded")));
        Assert.True(IsTrue(second, "Complete"));
        Assert.Equal("2026-03-01T12:00:00Z", second.Status.Text("completionTime"));
        Assert.Empty(second.Create);
    }

    [Fact]
    public void Failed_pods_are_followed_by_others_after_a_growing_wait_until_the_limit()
    {
        var job = Job("""{"completions":1,"backoffLimit":2}""");
        var once = Decide(job, Free(Pod("a", "Failed", ended: 4)));
        Assert.Empty(once.Create);
        Assert.Equal(TimeSpan.FromSeconds(6), once.Again);
        Assert.Single(Decide(job, Free(Pod("a", "Failed", ended: 10))).Create);
        Assert.Equal(TimeSpan.FromSeconds(16), Decide(job, Free(Pod("a", "Failed", ended: 30)), Free(Pod("b", "Failed", ended: 4))).Again);

        job["status"] = Sample.Parse("""{"failed":2,"startTime":"2026-03-01T11:00:00Z"}""");
        var last = Decide(job, Pod("c", "Failed"));
        Assert.True(IsTrue(last, "FailureTarget"));
        Assert.Empty(last.Create);
        job["status"] = last.Status.DeepClone();
        var end = Decide(job, Free(Pod("c", "Failed")));
        Assert.Equal("BackoffLimitExceeded", Condition(end, "Failed").Text("reason"));
        Assert.Equal(3, end.Status.Whole("failed"));
    }

    [Fact]
    public void Restarts_within_a_pod_count_against_the_limit_too()
    {
        var job = Job("""{"backoffLimit":2}""");
        job["spec"]!["template"] = Sample.Parse("""{"spec":{"restartPolicy":"OnFailure"}}""");
        Assert.True(IsTrue(Decide(job, Pod("a", restarts: 2)), "FailureTarget"));
        Assert.False(IsTrue(Decide(job, Pod("a", restarts: 1)), "FailureTarget"));
    }

    [Fact]
    public void Deadline_ends_a_job_and_its_pods()
    {
        var job = Job("""{"activeDeadlineSeconds":60}""");
        job["status"] = Sample.Parse("""{"startTime":"2026-03-01T11:59:10Z"}""");
        Assert.Equal(TimeSpan.FromSeconds(10), Decide(job, Pod("a")).Again);
        job["status"]!["startTime"] = "2026-03-01T11:59:00Z";
        var late = Decide(job, Pod("a"));
        Assert.Equal(["a"], late.Delete.Select(p => p.Name()));
        Assert.Equal("DeadlineExceeded", Condition(late, "FailureTarget").Text("reason"));
    }

    [Fact]
    public void Pods_that_a_failed_job_takes_away_count_as_failed()
    {
        var job = Job("""{"activeDeadlineSeconds":60}""");
        job["status"] = Sample.Parse("""{"startTime":"2026-03-01T11:59:00Z"}""");
        job["status"] = Decide(job, Pod("a")).Status.DeepClone();
        var going = Pod("a");
        going["metadata"]!["deletionTimestamp"] = "2026-03-01T12:00:00Z";
        var named = Decide(job, going);
        Assert.Equal(["a"], named.Untrack.Select(p => p.Name()));
        job["status"] = named.Status.DeepClone();
        Assert.Equal(1, Decide(job).Status.Whole("failed"));
    }

    [Fact]
    public void Suspended_job_has_no_pods_and_starts_its_time_anew()
    {
        var job = Job("""{"suspend":true,"parallelism":1}""");
        var still = Decide(job, Pod("a"));
        Assert.Equal(["a"], still.Delete.Select(p => p.Name()));
        Assert.True(IsTrue(still, "Suspended"));
        Assert.Null(still.Status["startTime"]);
        job["status"] = still.Status.DeepClone();
        job["spec"]!["suspend"] = false;
        var again = Decide(job);
        Assert.Single(again.Create);
        Assert.False(IsTrue(again, "Suspended"));
        Assert.Equal("2026-03-01T12:00:00Z", again.Status.Text("startTime"));
    }

    [Fact]
    public void Indexed_job_makes_one_success_of_each_index()
    {
        var job = Job("""{"completions":4,"parallelism":4,"completionMode":"Indexed"}""");
        Assert.Equal([0, 1, 2, 3], Decide(job).Create);
        var some = Decide(job, Pod("a", "Succeeded", index: 0), Pod("b", "Succeeded", index: 2), Pod("c", index: 3), Free(Pod("d", "Failed", index: 1, ended: 99)));
        Assert.Equal([1], some.Create);
        Assert.Equal("0,2", some.Status.Text("completedIndexes"));
        Assert.Equal(2, some.Status.Whole("succeeded"));
        Assert.Equal("JOB_COMPLETION_INDEX", JobPod.Make(job, 1).Items("spec", "containers")![0].Items("env")![0].Text("name"));
    }

    [Fact]
    public void Without_completions_the_first_success_ends_the_job_when_the_others_have_ended()
    {
        var job = Job("""{"parallelism":2}""");
        ((JsonObject)job["spec"]!).Remove("completions");
        var waiting = Decide(job, Pod("a", "Succeeded"), Pod("b"));
        Assert.Empty(waiting.Create);
        Assert.False(IsTrue(waiting, "SuccessCriteriaMet"));
        Assert.True(IsTrue(Decide(job, Pod("a", "Succeeded"), Pod("b", "Succeeded")), "SuccessCriteriaMet"));
    }

    [Fact]
    public void Finished_job_goes_when_its_time_is_over()
    {
        var job = Job("""{"ttlSecondsAfterFinished":30}""");
        job["status"] = Sample.Parse("""{"conditions":[{"type":"Complete","status":"True","lastTransitionTime":"2026-03-01T11:59:40Z"}]}""");
        Assert.Equal((false, TimeSpan.FromSeconds(10)), (Decide(job).Remove, Decide(job).Again));
        job["spec"]!["ttlSecondsAfterFinished"] = 20;
        Assert.True(Decide(job).Remove);
    }

    [Fact]
    public void Pod_that_is_deleted_counts_as_failed_and_is_replaced()
    {
        var gone = Pod("a");
        gone["metadata"]!["deletionTimestamp"] = "2026-03-01T12:00:30Z";
        var decision = Decide(Job("""{"completions":1}"""), gone);
        Assert.Single(decision.Create);
        Assert.Equal(["a-uid"], decision.Status.Items("uncountedTerminatedPods", "failed")!.Select(u => u.Text()));
    }

    [Theory]
    [InlineData("0-2,5", new[] { 0, 1, 2, 5 })]
    [InlineData("7", new[] { 7 })]
    [InlineData("", new int[0])]
    public void Indexes_are_written_in_ranges(string text, int[] indexes)
    {
        Assert.Equal(indexes, IndexSet.Parse(text, 10));
        Assert.Equal(text, IndexSet.Text([.. indexes]));
    }

    private static JobDecision Decide(JsonObject job, params JsonObject[] pods) => JobDecision.Decide(job, pods, Now);

    private static JsonObject Condition(JobDecision decision, string type) => new JsonObject { ["status"] = decision.Status.DeepClone() }.Condition(type)!;

    private static bool IsTrue(JobDecision decision, string type) => new JsonObject { ["status"] = decision.Status.DeepClone() }.IsTrue(type);

    private static JsonObject Free(JsonObject pod)
    {
        var free = pod.Copy();
        ((JsonObject)free["metadata"]!).Remove("finalizers");
        return free;
    }

    private static JsonObject Pod(string name, string phase = "Running", int? index = null, int restarts = 0, int ended = 0)
    {
        var pod = Sample.Pod(name, phase, ready: phase == "Running", restarts: restarts);
        pod["metadata"]!["finalizers"] = new JsonArray(JobPod.Finalizer);
        if (index is not null)
        {
            pod["metadata"]!["annotations"] = new JsonObject { ["batch.kubernetes.io/job-completion-index"] = $"{index}" };
        }

        if (phase is "Failed" or "Succeeded")
        {
            pod["status"]!["containerStatuses"]![0]!["state"] = new JsonObject { ["terminated"] = new JsonObject { ["finishedAt"] = Now.AddSeconds(-ended).ToKubeTime() } };
        }

        return pod;
    }

    private static JsonObject Job(string spec)
    {
        var job = Sample.Parse("""
            {"apiVersion":"batch/v1","kind":"Job","metadata":{"name":"work","namespace":"default","uid":"j1"},
             "spec":{"completions":1,"parallelism":1,"backoffLimit":6,"template":{"spec":{"restartPolicy":"Never","containers":[{"name":"c","image":"x"}]}}}}
            """);
        foreach (var (name, value) in Sample.Parse(spec))
        {
            job["spec"]![name] = value?.DeepClone();
        }

        return job;
    }
}
