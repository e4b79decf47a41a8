using Ote.Ctl.Commands;

namespace Ote.Ctl.Applying;

/// <summary>What is known about one command of a run.</summary>
/// <param name="Subject">The object it applies.</param>
/// <param name="Command">Its latest state; null before it was created.</param>
/// <param name="Failures">Targets that did not succeed, the first few.</param>
internal sealed record Receipt(string Subject, CommandView? Command, IReadOnlyList<Outcome> Failures)
{
    /// <summary>How many failing targets are shown; the rest is counted.</summary>
    internal const int MaxFailures = 20;

    internal static readonly IReadOnlyList<string> Stages = ["targets", "accepted", "sent", "durable", "executed", "succeeded", "failed"];

    internal string Phase => Command?.Phase ?? "Waiting";

    /// <summary>The counts in the order of <see cref="Stages"/>. What expired or was cancelled did not succeed, so it counts as failed.</summary>
    internal IReadOnlyList<long> Counts =>
        [.. Stages.Select(stage => stage == "failed" ? Command?.Lost ?? 0 : Command?.Count(stage) ?? 0)];

    /// <summary>One line of plain progress.</summary>
    internal string Progress()
    {
        var counts = Counts;
        return $"{Subject}: {Phase}, " + string.Join(", ", Stages.Select((stage, i) => $"{stage} {counts[i]}")) + (Command is { TellsObserved: true } seen ? $", observed {seen.Count("observed")}" : "");
    }

    /// <summary>What a run of commands comes to; the worst wins.</summary>
    /// <param name="receipts">What became of each object.</param>
    /// <param name="timedOut">Whether the time to wait ran out.</param>
    /// <param name="observed">Whether all were to be observed.</param>
    internal static ExitCode Verdict(IReadOnlyCollection<Receipt> receipts, bool timedOut, bool observed = false)
    {
        if (timedOut)
        {
            return ExitCode.TimedOut;
        }

        var commands = receipts.Where(receipt => receipt.Command is not null).Select(receipt => receipt.Command!.Value).ToArray();
        return commands switch
        {
            _ when commands.Any(command => command.Refusal is not null) => ExitCode.Usage,
            _ when commands.Any(command => command.NothingMatched is not null) => ExitCode.NothingMatched,
            _ when commands.Any(command => command.Lost > 0 || (command.IsFinished && command.Phase != "Succeeded")) => ExitCode.TargetFailed,
            _ when observed && commands.Any(command => !command.IsSeen) => ExitCode.Failed,
            _ => ExitCode.Ok,
        };
    }
}
