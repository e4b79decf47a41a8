using System.Text.Json.Nodes;
using Ote.EdgeCluster.Workloads;
using Ote.Kube.Objects;

namespace Ote.EdgeCluster.Jobs;

/// <summary>What a Job needs done. Pure.</summary>
/// <param name="Create">Pods to make: the index of each, null where the job is not Indexed.</param>
/// <param name="Delete">Pods to remove; they are let go first, so that they count neither way.</param>
/// <param name="Untrack">Pods to let go once the status is stored.</param>
/// <param name="Status">The status it should show.</param>
/// <param name="Remove">The job itself is to go: its time after the end is over.</param>
/// <param name="Again">When to look again without a change; null: never.</param>
internal sealed record JobDecision(
    IReadOnlyList<int?> Create, IReadOnlyList<JsonObject> Delete, IReadOnlyList<JsonObject> Untrack, JsonObject Status, bool Remove, TimeSpan? Again)
{
    private const int MaxBurst = 100;
    private static readonly TimeSpan FirstBackoff = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan LongestBackoff = TimeSpan.FromMinutes(10);

    /// <summary>Whether it ended, one way or the other.</summary>
    public static bool IsFinished(JsonObject job) => job.IsTrue("Complete") || job.IsTrue("Failed");

    /// <summary>Compares what is asked with the pods it owns.</summary>
    public static JobDecision Decide(JsonObject job, IReadOnlyList<JsonObject> pods, DateTimeOffset now)
    {
        if (IsFinished(job))
        {
            return Finished(job, pods, now);
        }

        var count = new JobCount(job, pods);
        var active = pods.Where(p => p.IsActive()).ToList();
        var terminating = pods.Count(p => p.IsDeleting() && !p.IsOver());
        var status = new JsonObject();
        if (job.Items("status", "conditions") is { } conditions)
        {
            status["conditions"] = conditions.DeepClone();
        }

        count.Show(status);
        if (job.IsDeleting())
        {
            return new JobDecision([], [], count.Untrack, status, false, null);
        }

        var suspended = job.Truth("spec", "suspend") == true;
        var started = Start(job, status, suspended, now);
        var again = new Soonest();
        var (failed, why, message) = Failure(job, count, active, started, now, again);
        var target = failed || job.IsTrue("FailureTarget");
        var done = !target && IsDone(job, count, active.Count);
        if (failed && !job.IsTrue("FailureTarget"))
        {
            Conditions.SetCondition(status, "FailureTarget", true, why, message, now);
        }
        else if (done)
        {
            Conditions.SetCondition(status, "SuccessCriteriaMet", true, "CompletionsReached", "Reached expected number of succeeded pods", now);
        }

        List<int?> create = [];
        List<JsonObject> delete = [];
        if (target || done || suspended)
        {
            delete.AddRange(active);
            if ((target || done) && active.Count == 0 && terminating == 0 && count.IsSettled)
            {
                Finish(job, status, target, now);
            }
        }
        else
        {
            Fill(job, count, active, terminating, pods, now, create, delete, again);
        }

        status.SetCount("active", active.Count - delete.Count);
        status["ready"] = active.Count(p => p.IsReady() && !delete.Contains(p));
        status["terminating"] = terminating + delete.Count;
        return new JobDecision([.. create.Take(MaxBurst)], [.. delete.Take(MaxBurst)], count.Untrack, status, false, again.Wait);
    }

    private static JobDecision Finished(JsonObject job, IReadOnlyList<JsonObject> pods, DateTimeOffset now)
    {
        var status = (job["status"] as JsonObject ?? []).Copy();
        var untrack = pods.Where(JobPod.IsTracked).ToList();
        if (job.IsDeleting() || job.Whole("spec", "ttlSecondsAfterFinished") is not { } seconds)
        {
            return new JobDecision([], [], untrack, status, false, null);
        }

        var ended = (job.IsTrue("Complete") ? job.Condition("Complete") : job.Condition("Failed")).Time("lastTransitionTime") ?? now;
        var left = ended.AddSeconds(seconds) - now;
        return left > TimeSpan.Zero ? new JobDecision([], [], untrack, status, false, left) : new JobDecision([], [], untrack, status, true, null);
    }

    private static DateTimeOffset? Start(JsonObject job, JsonObject status, bool suspended, DateTimeOffset now)
    {
        if (suspended)
        {
            Conditions.SetCondition(status, "Suspended", true, "JobSuspended", "Job suspended", now);
            return null;
        }

        var resumed = job.IsTrue("Suspended");
        if (resumed)
        {
            Conditions.SetCondition(status, "Suspended", false, "JobResumed", "Job resumed", now);
        }

        var started = resumed ? now : job.Time("status", "startTime") ?? now;
        status["startTime"] = started.ToKubeTime();
        return started;
    }

    private static (bool Failed, string Reason, string Message) Failure(
        JsonObject job, JobCount count, List<JsonObject> active, DateTimeOffset? started, DateTimeOffset now, Soonest again)
    {
        var limit = job.Whole("spec", "backoffLimit") ?? 6;
        var restarts = job.Text("spec", "template", "spec", "restartPolicy") == "OnFailure" ? active.Sum(p => p.Restarts()) : 0;
        if (count.Failed > limit || (restarts > 0 && restarts >= limit))
        {
            return (true, "BackoffLimitExceeded", "Job has reached the specified backoff limit");
        }

        if (job.Whole("spec", "activeDeadlineSeconds") is { } seconds && started is { } since)
        {
            var left = since.AddSeconds(seconds) - now;
            if (left <= TimeSpan.Zero)
            {
                return (true, "DeadlineExceeded", "Job was active longer than specified deadline");
            }

            again.In(left);
        }

        return (false, "", "");
    }

    private static bool IsDone(JsonObject job, JobCount count, int active) =>
        job.IsTrue("SuccessCriteriaMet") || (count.Completions is { } completions ? count.Succeeded >= completions : count.Succeeded > 0 && active == 0);

    private static void Finish(JsonObject job, JsonObject status, bool failed, DateTimeOffset now)
    {
        if (failed)
        {
            var target = job.Condition("FailureTarget") ?? status.Items("conditions")!.OfType<JsonObject>().First(c => c.Text("type") == "FailureTarget");
            Conditions.SetCondition(status, "Failed", true, target.Text("reason") ?? "", target.Text("message") ?? "", now);
        }
        else
        {
            Conditions.SetCondition(status, "Complete", true, "CompletionsReached", "Reached expected number of succeeded pods", now);
            status["completionTime"] = now.ToKubeTime();
        }
    }

    private static void Fill(
        JsonObject job, JobCount count, List<JsonObject> active, int terminating, IReadOnlyList<JsonObject> pods, DateTimeOffset now,
        List<int?> create, List<JsonObject> delete, Soonest again)
    {
        var parallelism = job.Whole("spec", "parallelism") ?? 1;
        var wanted = count.Completions is { } completions ? Math.Min(parallelism, completions - count.Succeeded)
            : count.Succeeded > 0 ? Math.Min(active.Count, parallelism) : parallelism;
        if (active.Count > wanted)
        {
            delete.AddRange(active.OrderBy(p => p.IsReady()).ThenByDescending(p => p.Time("metadata", "creationTimestamp")).ThenBy(p => p.Name(), StringComparer.Ordinal)
                .Take((int)(active.Count - wanted)));
            return;
        }

        var missing = (int)Math.Max(0, wanted - active.Count - (job.Text("spec", "podReplacementPolicy") == "Failed" ? terminating : 0));
        if (missing == 0)
        {
            return;
        }

        if (Backoff(pods, now) is { } wait && wait > TimeSpan.Zero)
        {
            again.In(wait);
            return;
        }

        if (!count.IsIndexed)
        {
            create.AddRange(Enumerable.Repeat<int?>(null, missing));
            return;
        }

        var running = active.Select(JobPod.IndexOf).ToHashSet();
        create.AddRange(Enumerable.Range(0, (int)(count.Completions ?? 0)).Where(i => !count.Indexes.Contains(i) && !running.Contains(i)).Take(missing).Select(i => (int?)i));
    }

    /// <summary>After failures in a row the next pod waits: 10 s, doubling up to 10 min, from the last one's end.</summary>
    private static TimeSpan? Backoff(IReadOnlyList<JsonObject> pods, DateTimeOffset now)
    {
        var success = pods.Where(JobPod.Succeeded).Select(JobPod.Ended).Max();
        var failures = pods.Where(p => p.Phase() == "Failed").Select(p => JobPod.Ended(p) ?? now).Where(t => success is null || t > success).ToList();
        if (failures.Count == 0)
        {
            return null;
        }

        var wait = FirstBackoff * Math.Pow(2, Math.Min(failures.Count - 1, 10));
        return failures.Max() + (wait < LongestBackoff ? wait : LongestBackoff) - now;
    }

    /// <summary>The soonest of several waits.</summary>
    private sealed class Soonest
    {
        public TimeSpan? Wait { get; private set; }

        public void In(TimeSpan wait) => Wait = Wait is { } known && known < wait ? known : wait;
    }
}
