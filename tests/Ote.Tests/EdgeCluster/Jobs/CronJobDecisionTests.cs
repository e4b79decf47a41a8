using System.Text.Json.Nodes;
using Ote.EdgeCluster.Jobs;
using Ote.Kube.Objects;

namespace Ote.Tests.EdgeCluster.Jobs;

public sealed class CronJobDecisionTests
{
    [Theory]
    [InlineData("*/15 * * * *", "2026-03-01T12:00:00Z", "2026-03-01T12:15:00Z")]
    [InlineData("0 3 * * *", "2026-03-01T12:00:00Z", "2026-03-02T03:00:00Z")]
    [InlineData("30 8 * * mon-fri", "2026-03-01T12:00:00Z", "2026-03-02T08:30:00Z")]
    [InlineData("0 0 13 * 5", "2026-03-01T12:00:00Z", "2026-03-06T00:00:00Z")]
    [InlineData("0 0 29 feb *", "2026-03-01T12:00:00Z", "2028-02-29T00:00:00Z")]
    [InlineData("@monthly", "2026-03-01T12:00:00Z", "2026-04-01T00:00:00Z")]
    [InlineData("@every 90m", "2026-03-01T12:00:00Z", "2026-03-01T13:30:00Z")]
    [InlineData("0 0 30 2 *", "2026-03-01T12:00:00Z", null)]
    public void Next_time_of_a_schedule(string schedule, string after, string? next) =>
        Assert.Equal(next, CronTimes.Parse(schedule, TimeZoneInfo.Utc).Next(Time(after))?.ToKubeTime());

    [Theory]
    [InlineData("30 2 * * *", "2026-03-28T12:00:00Z", "2026-03-30T00:30:00Z")] // 02:30 of the 29th does not exist in Berlin.
    [InlineData("30 2 * * *", "2026-10-24T12:00:00Z", "2026-10-25T01:30:00Z")] // 02:30 of the 25th comes twice.
    [InlineData("0 9 * * *", "2026-07-01T12:00:00Z", "2026-07-02T07:00:00Z")]
    public void Time_zone_and_its_changes_count(string schedule, string after, string next) =>
        Assert.Equal(next, CronTimes.Parse(schedule, TimeZoneInfo.FindSystemTimeZoneById("Europe/Berlin")).Next(Time(after))?.ToKubeTime());

    [Fact]
    public void Job_is_made_when_its_time_has_come_and_once()
    {
        var cron = Cron("*/10 * * * *", last: "2026-03-01T11:50:00Z");
        var due = Decide(cron);
        Assert.Equal("backup-29539440", due.Create!.Name());
        Assert.Equal("2026-03-01T12:00:00Z", due.Status.Text("lastScheduleTime"));
        Assert.Equal(TimeSpan.FromMinutes(10), due.Again);
        Assert.Equal("CronJob", due.Create.Items("metadata", "ownerReferences")![0].Text("kind"));

        // It died before the status was stored: the job is found by its name.
        Assert.Null(Decide(cron, Job("backup-29539440")).Create);
        cron["status"] = due.Status.DeepClone();
        Assert.Null(Decide(cron, Job("backup-29539440")).Create);
    }

    [Theory]
    [InlineData("Allow", true, 0)]
    [InlineData("Forbid", false, 0)]
    [InlineData("Replace", true, 1)]
    public void Concurrency_policy_decides_while_the_job_before_runs(string policy, bool makes, int deletes)
    {
        var decision = Decide(Cron("*/10 * * * *", $$$"""{"concurrencyPolicy":"{{{policy}}}"}""", last: "2026-03-01T11:50:00Z"), Job("backup-1"));
        Assert.Equal((makes, deletes), (decision.Create is not null, decision.Delete.Count));
    }

    [Fact]
    public void Of_many_missed_times_the_last_is_made_up_for_unless_its_deadline_is_over()
    {
        Assert.Equal("2026-03-01T12:00:00Z", Decide(Cron("*/10 * * * *", last: "2026-03-01T10:00:00Z")).Status.Text("lastScheduleTime"));
        Assert.Equal("TooManyMissedTimes", Decide(Cron("* * * * *", last: "2026-02-01T10:00:00Z")).Warning!.Value.Reason);
        var late = Decide(Cron("5 * * * *", """{"startingDeadlineSeconds":60}""", last: "2026-03-01T10:05:00Z"));
        Assert.Null(late.Create);
    }

    [Fact]
    public void Suspended_or_unreadable_schedules_make_nothing()
    {
        Assert.Null(Decide(Cron("* * * * *", """{"suspend":true}""", last: "2026-03-01T10:00:00Z")).Create);
        Assert.Equal("UnknownTimeZone", Decide(Cron("* * * * *", """{"timeZone":"Moon/Base"}""")).Warning!.Value.Reason);
    }

    [Fact]
    public void Finished_jobs_beyond_the_history_go_the_oldest_first()
    {
        JsonObject[] jobs = [.. Enumerable.Range(1, 5).Select(n => Job($"j{n}", "Complete", n)), .. Enumerable.Range(1, 2).Select(n => Job($"f{n}", "Failed", n))];
        var decision = Decide(Cron("0 0 1 1 *", """{"successfulJobsHistoryLimit":3,"failedJobsHistoryLimit":1}"""), jobs);
        Assert.Equal(["f1", "j1", "j2"], decision.Delete.Select(j => j.Name()).Order());
        Assert.Equal("2026-03-01T11:05:30Z", decision.Status.Text("lastSuccessfulTime"));
    }

    private static DateTimeOffset Time(string text) => DateTimeOffset.Parse(text, System.Globalization.CultureInfo.InvariantCulture);

    private static CronJobDecision Decide(JsonObject cron, params JsonObject[] jobs) => CronJobDecision.Decide(cron, jobs, Sample.Now);

    private static JsonObject Job(string name, string? ended = null, int minute = 0) => Sample.Parse($$$"""
        {"metadata":{"name":"{{{name}}}","namespace":"default","uid":"{{{name}}}-uid"},
         "status":{"startTime":"2026-03-01T11:{{{minute:00}}}:00Z","completionTime":"2026-03-01T11:{{{minute:00}}}:30Z",
          "conditions":[{{{(ended is null ? "" : $$"""{"type":"{{ended}}","status":"True"}""")}}}]} }
        """);

    private static JsonObject Cron(string schedule, string spec = "{}", string? last = null)
    {
        var cron = Sample.Parse($$$"""
            {"apiVersion":"batch/v1","kind":"CronJob","metadata":{"name":"backup","namespace":"default","uid":"c1","creationTimestamp":"2026-03-01T11:59:30Z"},
             "spec":{"schedule":"{{{schedule}}}","concurrencyPolicy":"Allow","jobTemplate":{"spec":{"template":{"spec":{"containers":[]} } } } },"status":{} }
            """);
        foreach (var (name, value) in Sample.Parse(spec))
        {
            cron["spec"]![name] = value?.DeepClone();
        }

        if (last is not null)
        {
            cron["status"]!["lastScheduleTime"] = last;
        }

        return cron;
    }
}
