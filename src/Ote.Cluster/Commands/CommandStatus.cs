using System.Globalization;
using System.Text.Json.Nodes;
using Ote.Kube.Objects;
using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Commands;

/// <summary>Writes a ClusterController's status. Every field of ours has a capital letter, so it never meets a cluster's name. Pure.</summary>
internal static class CommandStatus
{
    /// <summary>Fan-outs up to this many targets also fill the original product's <c>status.&lt;cluster&gt;</c>.</summary>
    public const int MostInline = 50;

    private const int MostInlineBytes = 8 * 1024;

    /// <summary>The spec cannot be carried out.</summary>
    public static void Invalid(JsonObject status, long generation, IReadOnlyList<string> faults, DateTimeOffset now)
    {
        status["observedGeneration"] = generation;
        status["commandPhase"] = "Failed";
        status["completionTime"] = now.ToKubeTime();
        Conditions.SetCondition(status, "Valid", false, "InvalidSpec", string.Join("; ", faults), now);
    }

    /// <summary>How a run stands.</summary>
    /// <param name="status">The status object.</param>
    /// <param name="run">The run.</param>
    /// <param name="observed">The object's generation that is taken into account.</param>
    /// <param name="pages">Result pages stored.</param>
    /// <param name="now">The time.</param>
    public static void Write(JsonObject status, CommandRun run, long observed, int pages, DateTimeOffset now)
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
        Conditions.SetCondition(
            status,
            "Matched",
            run.Targets > 0,
            run.Targets > 0 ? "ClustersMatched" : "NoClusterMatched",
            run.Targets > 0
                ? string.Create(CultureInfo.InvariantCulture, $"the selector matched {run.Targets} clusters")
                : $"no known cluster matches '{run.Spec.Command.Selector}'; compare with the names and tags of get clusters -o wide",
            now);
        Conditions.SetCondition(status, "Complete", run.IsOver, run.IsOver ? "AllAnswered" : "Waiting", Waiting(run), now);
        if (run.IsOver)
        {
            status["completionTime"] ??= now.ToKubeTime();
        }
    }

    /// <summary>Puts a result where the original product has it.</summary>
    public static void Inline(JsonObject status, Receipt receipt)
    {
        var body = receipt.Body.Length <= MostInlineBytes ? receipt.Body.ToStringUtf8() : "";
        status[receipt.Cluster] = new JsonObject
        {
            ["timestamp"] = receipt.AtUnixMilliseconds / 1000,
            ["code"] = receipt.Code,
            ["body"] = body.Length > 0 ? body : receipt.Text,
        };
    }

    private static string Waiting(CommandRun run) => run.IsOver
        ? "every target has its final outcome"
        : string.Create(CultureInfo.InvariantCulture, $"{run.Open.Count()} targets have not answered; they may until {run.Deadline.ToKubeTime()}");

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
        return run.Count(TargetStage.Succeeded) == meant ? "Succeeded"
            : run.Count(TargetStage.Failed) > 0 ? "Failed"
            : run.Count(TargetStage.Expired) > 0 ? "Expired"
            : "Cancelled";
    }

    /// <summary>How many targets came at least as far as each stage, and how they ended.</summary>
    private static JsonObject Counts(CommandRun run)
    {
        int At(TargetStage stage) => run.Count(stage);
        var executed = At(TargetStage.Succeeded) + At(TargetStage.Failed);
        var durable = executed + At(TargetStage.Durable);
        return new JsonObject
        {
            ["targets"] = run.Targets,
            ["accepted"] = run.Targets,
            ["sent"] = durable + At(TargetStage.Sent),
            ["durable"] = durable,
            ["executed"] = executed,
            ["succeeded"] = At(TargetStage.Succeeded),
            ["failed"] = At(TargetStage.Failed),
            ["expired"] = At(TargetStage.Expired),
            ["cancelled"] = At(TargetStage.Cancelled),
            ["notSelected"] = At(TargetStage.NotSelected),
        };
    }
}
