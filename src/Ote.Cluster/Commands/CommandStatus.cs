using System.Globalization;
using System.Text.Json.Nodes;
using Ote.Cluster.Observing;
using Ote.Kube.Objects;
using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Commands;

/// <summary>Writes a ClusterController's status. Every field of ours has a capital letter, so it never meets a cluster's name. Pure.</summary>
internal static class CommandStatus
{
    /// <summary>Fan-outs up to this many targets also fill the original product's <c>status.&lt;cluster&gt;</c>.</summary>
    public const int MostInline = 50;

    private const int MostInlineBytes = 8 * 1024;
    private const int MostObjectBytes = 1024 * 1024;
    private const int MostNames = 10;
    private const int MostSelector = 200;
    private const int MostReasons = 3;

    /// <summary>The spec cannot be carried out.</summary>
    public static void Invalid(JsonObject status, long generation, IReadOnlyList<string> faults, DateTimeOffset now)
    {
        status["observedGeneration"] = generation;
        status["commandPhase"] = "Failed";
        status["completionTime"] = now.ToKubeTime();
        Conditions.SetCondition(status, "Valid", false, "InvalidSpec", string.Join("; ", faults), now);
    }

    /// <summary>Who wrote it may have none of its clusters asked for that.</summary>
    public static void NotAllowed(JsonObject status, long generation, string why, int targets, DateTimeOffset now)
    {
        status["observedGeneration"] = generation;
        status["commandPhase"] = "Failed";
        status["completionTime"] = now.ToKubeTime();
        Conditions.SetCondition(status, "Valid", true, "Valid", "the spec can be carried out", now);
        Conditions.SetCondition(
            status, "Allowed", false, "NotAllowed", targets == 1 ? $"not for the one cluster it means: {why}" : string.Create(CultureInfo.InvariantCulture, $"for none of the {targets} clusters it means: {why}"), now);
    }

    /// <summary>How a run stands.</summary>
    /// <param name="status">The status object.</param>
    /// <param name="run">The run.</param>
    /// <param name="observed">The object's generation that is taken into account.</param>
    /// <param name="pages">Result pages stored.</param>
    /// <param name="missing">Open targets that cannot answer now.</param>
    /// <param name="now">The time.</param>
    public static void Write(
        JsonObject status, CommandRun run, long observed, int pages, MissingTargets missing, DateTimeOffset now)
    {
        var first = status.Whole("runGeneration") != (long)run.Spec.Command.Generation;
        if (first)
        {
            foreach (var stale in status.Select(p => p.Key).Where(k => k != "conditions").ToArray())
            {
                status.Remove(stale);
            }
        }

        status["observedGeneration"] = observed;
        status["runGeneration"] = (long)run.Spec.Command.Generation;
        status["startTime"] = run.Accepted.ToKubeTime();
        status["deadlineTime"] = run.Deadline.ToKubeTime();
        status["targetCounts"] = Counts(run);
        status["resultPages"] = pages;
        status["commandPhase"] = Phase(run);
        Conditions.SetCondition(status, "Valid", true, "Valid", "the spec can be carried out", now);
        foreach (var stale in status.Items("conditions")!.Where(c => c.Text("type") == "Allowed" || (first && c.Text("type") is "Succeeded" or ObservedCondition)).ToArray())
        {
            status.Items("conditions")!.Remove(stale); // of the generation before
        }

        Conditions.SetCondition(
            status,
            "Matched",
            run.Targets > 0,
            run.Targets > 0 ? "ClustersMatched" : "NoClusterMatched",
            run.Targets > 0
                ? $"the selector matched {Plural.Of(run.Targets, "cluster")}"
                : $"no known cluster matches '{Clip(run.Spec.Command.Selector)}'; compare with the names and tags of get clusters -o wide",
            now);
        SetNamesKnown(status, run, now);
        var wait = run.Spec.Cancel ? "Cancelling" : missing.None ? "Waiting" : missing.Away.Count + missing.Unknown.Count > 0 ? "ClustersAway" : "ClustersNotAnswering";
        Conditions.SetCondition(
            status, "Complete", run.IsOver, run.IsOver ? "AllAnswered" : wait, run.IsOver ? "every target has its final outcome" : Waiting(run, missing), now);
        if (run.IsOver)
        {
            status["completionTime"] ??= now.ToKubeTime();
        }
    }

    /// <summary>Puts results where the original product has them, as far as the object stays small enough for any API server.</summary>
    /// <param name="obj">The object, with its status written.</param>
    /// <param name="results">In the order they came.</param>
    public static void Inline(JsonObject obj, IReadOnlyCollection<Receipt> results)
    {
        if (results.Count == 0)
        {
            return;
        }

        var status = obj.Child("status");
        foreach (var receipt in results)
        {
            status.Remove(receipt.Cluster);
        }

        var room = MostObjectBytes - obj.ToJsonString().Length;
        foreach (var receipt in results)
        {
            var item = new JsonObject { ["timestamp"] = receipt.AtUnixMilliseconds / 1000, ["code"] = receipt.Code };
            var most = Math.Clamp(room, 0, MostInlineBytes);
            if (receipt.Body.IsEmpty)
            {
                AnswerText.Write(item, System.Text.Encoding.UTF8.GetBytes(receipt.Text), receipt.Truncated, most);
            }
            else
            {
                AnswerText.Write(item, receipt.Body.Span, receipt.Truncated, most);
            }

            room -= item.ToJsonString().Length + receipt.Cluster.Length + 4;
            status[receipt.Cluster] = item;
        }
    }

    /// <summary>Says of a command that is over who did not succeed and why, as far as the results at hand tell; kubectl shows it in one line.</summary>
    public static void Failures(JsonObject status, IReadOnlyCollection<Receipt> results, DateTimeOffset now)
    {
        var failed = results.Where(r => r.Stage != Stage.NotSelected && (r.Error.Length > 0 || r.Code is < 200 or >= 300)).OrderBy(r => r.Cluster, StringComparer.Ordinal).ToArray();
        if (failed.Length == 0 || status["completionTime"] is null)
        {
            return;
        }

        var errors = failed.Select(r => r.Error.Length > 0 ? r.Error : "Failed").Distinct(StringComparer.Ordinal).ToArray();
        var whys = failed.Take(MostReasons).Select(r => string.Create(CultureInfo.InvariantCulture, $"{r.Cluster}: {r.Code} {r.Error} {Clip(r.Text)}").TrimEnd());
        var more = failed.Length > MostReasons ? string.Create(CultureInfo.InvariantCulture, $"; and {failed.Length - MostReasons} more") : "";
        Conditions.SetCondition(status, "Succeeded", false, errors.Length == 1 ? errors[0] : "SomeFailed", string.Join("; ", whys) + more, now);
    }

    /// <summary>The condition that tells of what was observed.</summary>
    public const string ObservedCondition = "Observed";

    /// <summary>The condition's reason while it is looked on.</summary>
    public const string Watching = "Watching";

    /// <summary>
    /// Says at how many targets the command was observed. What was not is never false, and holds nothing up: that is not known. Nothing is said where nothing can be
    /// observed.
    /// </summary>
    /// <param name="status">The status object, with its counts written.</param>
    /// <param name="observation">What was observed; null when nothing can be.</param>
    /// <param name="now">The time.</param>
    public static void Observed(JsonObject status, Observation? observation, DateTimeOffset now)
    {
        if (observation is null)
        {
            if (status.Items("conditions")?.FirstOrDefault(c => c.Text("type") == ObservedCondition) is { } stale)
            {
                status.Items("conditions")!.Remove(stale);
            }

            return;
        }

        status["targetCounts"]!["observed"] = observation.Count;
        foreach (var (cluster, at) in observation.Seen)
        {
            if (status[cluster] is JsonObject item)
            {
                item["observed"] = at.ToUnixTimeSeconds();
            }
        }

        var succeeded = status.Whole("targetCounts", "succeeded") ?? 0;
        var all = observation.Until is not null && succeeded > 0 && observation.Count >= succeeded;
        var seen = string.Create(CultureInfo.InvariantCulture, $"the clusters' reports show it at {observation.Count} of {Plural.Of(succeeded, "cluster")} that carried it out");
        Conditions.SetCondition(
            status,
            ObservedCondition,
            all ? true : null,
            all ? "AllObserved" : observation.IsOver ? "NotSeen" : Watching,
            all || observation.Until is not { } until ? seen
                : observation is { IsOver: true, Silent: { Count: > 0 } silent } ? $"{seen}; it cannot be known at clusters whose shims do not report, such as {string.Join(", ", silent)}; any others did not report it in time"
                : observation.IsOver ? $"{seen}; the others did not report it in time, or report no such object"
                : $"{seen}; looked for until {until.ToKubeTime()}",
            now);
    }

    private static void SetNamesKnown(JsonObject status, CommandRun run, DateTimeOffset now)
    {
        if (run.UnknownNames.Count == 0)
        {
            if (status.Items("conditions") is { } conditions && conditions.FirstOrDefault(c => c.Text("type") == "NamesKnown") is { } stale)
            {
                conditions.Remove(stale);
            }

            return;
        }

        Conditions.SetCondition(
            status, "NamesKnown", false, "UnknownNames", $"no cluster was known by the name {Names(run.UnknownNames)} when the command was accepted", now);
    }

    private static string Waiting(CommandRun run, MissingTargets missing)
    {
        var text = $"{Plural.Of(run.OpenCount, "target")} {(run.OpenCount == 1 ? "has not answered; it may" : "have not answered; they may")} until {run.Deadline.ToKubeTime()}";
        return (run.Spec.Cancel ? "cancelled where it has not been executed, which who is open has not confirmed; " : "")
            + text
            + (missing.Away.Count > 0 ? $"; away: {Names(missing.Away)}" : "")
            + (missing.Unknown.Count > 0 ? $"; not known any more: {Names(missing.Unknown)}" : "")
            + (missing.Stuck.Count > 0 ? $"; the cluster or its shim does not answer at: {Names(missing.Stuck)}" : "");
    }

    private static string Clip(string selector) => selector.Length <= MostSelector ? selector : string.Concat(selector.AsSpan(0, MostSelector), "…");

    private static string Names(IReadOnlyList<string> names) =>
        string.Join(", ", names.Order(StringComparer.Ordinal).Take(MostNames))
        + (names.Count > MostNames ? string.Create(CultureInfo.InvariantCulture, $" and {names.Count - MostNames} more") : "");

    private static string Phase(CommandRun run)
    {
        if (run.Targets == 0)
        {
            return "Failed";
        }

        if (!run.IsOver)
        {
            return run.Count(TargetStage.Accepted) == run.Targets ? "Pending" : "Running";
        }

        var meant = run.Targets - run.Count(TargetStage.NotSelected);
        return run.Count(TargetStage.Succeeded) == meant && run.UnknownNames.Count == 0 ? "Succeeded"
            : run.Count(TargetStage.Failed) > 0 || run.Count(TargetStage.Succeeded) == meant ? "Failed"
            : run.Count(TargetStage.Expired) > 0 ? "Expired"
            : "Cancelled";
    }

    /// <summary>How many targets came at least as far as each stage, and how they ended.</summary>
    private static JsonObject Counts(CommandRun run)
    {
        int At(TargetStage stage) => run.Count(stage);
        return new JsonObject
        {
            ["targets"] = run.Targets,
            ["accepted"] = run.Targets,
            ["sent"] = run.CameToSent,
            ["durable"] = run.CameToDurable,
            ["executed"] = run.CameToExecuted,
            ["succeeded"] = At(TargetStage.Succeeded),
            ["failed"] = At(TargetStage.Failed),
            ["expired"] = At(TargetStage.Expired),
            ["cancelled"] = At(TargetStage.Cancelled),
            ["notSelected"] = At(TargetStage.NotSelected),
            ["unknown"] = run.UnknownNames.Count,
        };
    }
}
