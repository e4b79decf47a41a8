using System.Globalization;
using System.Text.Json.Nodes;
using Ote.EdgeCluster.Workloads;
using Ote.Kube.Objects;

namespace Ote.EdgeCluster.Jobs;

/// <summary>What a CronJob needs done. Pure.</summary>
/// <param name="Create">The job of the time that has come; null: none.</param>
/// <param name="Delete">Jobs to remove: finished ones beyond the history, and those that are replaced.</param>
/// <param name="Warning">What to tell, reason and message; null: nothing.</param>
/// <param name="Status">The status it should show; with <paramref name="Create"/> before the job is made.</param>
/// <param name="Again">When to look again without a change; null: never.</param>
internal sealed record CronJobDecision(JsonObject? Create, IReadOnlyList<JsonObject> Delete, (string Reason, string Message)? Warning, JsonObject Status, TimeSpan? Again)
{
    /// <summary>After so many missed times they are skipped but for the last, and it is told.</summary>
    private const int ManyMissed = 100;

    /// <summary>Compares the schedule with the jobs it owns.</summary>
    public static CronJobDecision Decide(JsonObject cron, IReadOnlyList<JsonObject> jobs, DateTimeOffset now)
    {
        var active = jobs.Where(j => !JobDecision.IsFinished(j) && !j.IsDeleting()).ToList();
        var status = new JsonObject();
        if (jobs.Where(j => j.IsTrue("Complete")).Select(j => j.Time("status", "completionTime")).Append(cron.Time("status", "lastSuccessfulTime")).Max() is { } success)
        {
            status["lastSuccessfulTime"] = success.ToKubeTime();
        }

        if (cron.Text("status", "lastScheduleTime") is { } last)
        {
            status["lastScheduleTime"] = last;
        }

        var delete = Beyond(jobs, j => j.IsTrue("Complete"), cron.Whole("spec", "successfulJobsHistoryLimit") ?? 3)
            .Concat(Beyond(jobs, j => j.IsTrue("Failed"), cron.Whole("spec", "failedJobsHistoryLimit") ?? 1)).ToList();
        if (cron.IsDeleting() || cron.Truth("spec", "suspend") == true)
        {
            return End(null, delete, null, null);
        }

        CronTimes times;
        try
        {
            times = CronTimes.Parse(cron.Text("spec", "schedule") ?? "", Zone(cron));
        }
        catch (Exception wrong) when (wrong is FormatException or TimeZoneNotFoundException or InvalidTimeZoneException)
        {
            return End(null, delete, (wrong is FormatException ? "UnparseableSchedule" : "UnknownTimeZone", wrong.Message), null);
        }

        var next = times.Next(now) is { } coming ? coming - now : (TimeSpan?)null;
        var (due, missed) = Due(cron, times, now);
        if (due is not { } at)
        {
            return End(null, delete, null, next);
        }

        var warning = missed > ManyMissed
            ? ("TooManyMissedTimes", $"too many missed start times: {missed}. Only the last is made up for; check the clock, or set .spec.startingDeadlineSeconds")
            : ((string, string)?)null;
        if (cron.Whole("spec", "startingDeadlineSeconds") is { } deadline && at.AddSeconds(deadline) < now)
        {
            return End(null, delete, ("MissSchedule", $"Missed scheduled time to start a job: {at.ToKubeTime()}"), next);
        }

        if (cron.Text("spec", "concurrencyPolicy") == "Forbid" && active.Count > 0)
        {
            // It starts when the one before has ended, if that is before the next time: the end of that job wakes us.
            return End(null, delete, ("JobAlreadyActive", "Not starting job because prior execution is running and concurrency policy is Forbid"), next);
        }

        if (cron.Text("spec", "concurrencyPolicy") == "Replace")
        {
            delete.AddRange(active);
            active.Clear();
        }

        var job = NewJob(cron, at);
        if (jobs.FirstOrDefault(j => j.Name() == job.Name()) is not null)
        {
            // Made already; only that it was is not shown yet.
            status["lastScheduleTime"] = at.ToKubeTime();
            return End(null, delete, null, next);
        }

        status["lastScheduleTime"] = at.ToKubeTime();
        return End(job, delete, warning, next);

        CronJobDecision End(JsonObject? create, List<JsonObject> remove, (string, string)? tell, TimeSpan? again)
        {
            if (active.Count > 0)
            {
                status["active"] = new JsonArray([.. active.OrderBy(j => j.Name(), StringComparer.Ordinal).Select(j => (JsonNode)Reference(j))]);
            }

            return new CronJobDecision(create, remove, tell, status, again);
        }
    }

    /// <summary>A reference to a job, as <c>status.active</c> has it.</summary>
    public static JsonObject Reference(JsonObject job) => new()
    {
        ["apiVersion"] = Kinds.Jobs.ApiVersion, ["kind"] = Kinds.Jobs.Kind, ["name"] = job.Name(), ["namespace"] = job.Namespace(), ["uid"] = job.Uid(),
    };

    private static TimeZoneInfo Zone(JsonObject cron) =>
        cron.Text("spec", "timeZone") is { Length: > 0 } zone ? TimeZoneInfo.FindSystemTimeZoneById(zone) : TimeZoneInfo.Utc;

    /// <summary>The last time that has come and has had no job, and how many came since the last job.</summary>
    private static (DateTimeOffset? At, int Missed) Due(JsonObject cron, CronTimes times, DateTimeOffset now)
    {
        var from = cron.Time("status", "lastScheduleTime") ?? cron.Time("metadata", "creationTimestamp") ?? now;
        if (cron.Whole("spec", "startingDeadlineSeconds") is { } deadline && now.AddSeconds(-deadline) > from)
        {
            from = now.AddSeconds(-deadline);
        }

        DateTimeOffset? due = null;
        var missed = 0;
        for (var at = times.Next(from); at <= now; at = times.Next(at.Value))
        {
            due = at;
            if (++missed > ManyMissed)
            {
                // A clock that jumped, or years away: from here on only the last hour and day are of interest.
                return (LastBefore(times, now) ?? due, missed);
            }
        }

        return (due, missed);
    }

    private static DateTimeOffset? LastBefore(CronTimes times, DateTimeOffset now)
    {
        foreach (var back in (ReadOnlySpan<TimeSpan>)[TimeSpan.FromMinutes(2), TimeSpan.FromHours(2), TimeSpan.FromDays(2), TimeSpan.FromDays(32), TimeSpan.FromDays(367)])
        {
            DateTimeOffset? last = null;
            for (var at = times.Next(now - back); at <= now; at = times.Next(at.Value))
            {
                last = at;
            }

            if (last is not null)
            {
                return last;
            }
        }

        return null;
    }

    private static IEnumerable<JsonObject> Beyond(IReadOnlyList<JsonObject> jobs, Func<JsonObject, bool> ended, long kept)
    {
        var all = jobs.Where(j => ended(j) && !j.IsDeleting()).OrderBy(j => j.Time("status", "startTime") ?? j.Time("metadata", "creationTimestamp")).ThenBy(j => j.Name(), StringComparer.Ordinal).ToList();
        return all.Take((int)Math.Max(0, all.Count - kept));
    }

    private static JsonObject NewJob(JsonObject cron, DateTimeOffset at)
    {
        var template = cron.At("spec", "jobTemplate") as JsonObject ?? [];
        var minutes = (at.ToUnixTimeSeconds() / 60).ToString(CultureInfo.InvariantCulture);
        var annotations = (template.At("metadata", "annotations") as JsonObject ?? []).Copy();
        annotations["batch.kubernetes.io/cronjob-scheduled-timestamp"] = at.ToKubeTime();
        return new JsonObject
        {
            ["apiVersion"] = Kinds.Jobs.ApiVersion,
            ["kind"] = Kinds.Jobs.Kind,
            ["metadata"] = new JsonObject
            {
                ["name"] = $"{cron.Name()}-{minutes}",
                ["namespace"] = cron.Namespace(),
                ["labels"] = template.At("metadata", "labels")?.DeepClone() ?? new JsonObject(),
                ["annotations"] = annotations,
                ["ownerReferences"] = new JsonArray(Owners.Reference(cron, Kinds.CronJobs)),
            },
            ["spec"] = template["spec"]?.DeepClone() ?? new JsonObject(),
        };
    }
}
