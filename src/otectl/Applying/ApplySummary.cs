using Ote.Ctl.Cli;
using Ote.Ctl.Output;
using Ote.Ctl.Commands;
using Ote.Kube.Objects;

namespace Ote.Ctl.Applying;

/// <summary>What a run prints when it is over.</summary>
internal static class ApplySummary
{
    /// <summary>The table of receipts and, if any, the table of targets that did not succeed.</summary>
    internal static void Write(Invocation run, IReadOnlyList<Receipt> receipts)
    {
        var observed = receipts.Any(receipt => receipt.Command is { TellsObserved: true });
        var table = new TextTable(["OBJECT", "COMMAND", .. Receipt.Stages.Select(stage => stage.ToUpperInvariant()), .. observed ? ["OBSERVED"] : Array.Empty<string>(), "PHASE"]);
        foreach (var receipt in receipts)
        {
            table.Add([
                receipt.Subject,
                receipt.Command?.Name,
                .. receipt.Counts.Select(count => (Cell)count),
                .. observed ? [receipt.Command is { TellsObserved: true } seen ? seen.Count("observed") : "-"] : Array.Empty<Cell>(),
                new Cell(receipt.Phase, run.OutPaint.State)]);
        }

        table.WriteTo(run.Out);
        var failures = receipts.SelectMany(receipt => receipt.Failures.OrderBy(failure => failure.Cluster, StringComparer.Ordinal).Select(failure => (receipt.Subject, failure))).ToArray();
        if (failures.Length == 0)
        {
            return;
        }

        var failed = new TextTable("FAILED AT", "OBJECT", "CODE", "ERROR");
        foreach (var (subject, failure) in failures)
        {
            failed.Add(failure.Cluster, subject, Code(failure), new Cell(failure.Describe(), run.OutPaint.Bad));
        }

        run.Out.Write("\n");
        failed.WriteTo(run.Out);
    }

    /// <summary>The last line on standard error: what it comes to, and what to do next.</summary>
    /// <param name="run">The call.</param>
    /// <param name="receipts">What became of each object.</param>
    /// <param name="verdict">What it comes to.</param>
    /// <param name="timeout">How long it was waited.</param>
    /// <param name="pending">What to do about clusters that were named and wait to be accepted; null: there are none.</param>
    internal static void Tell(Invocation run, IReadOnlyList<Receipt> receipts, ExitCode verdict, TimeSpan timeout, string? pending = null)
    {
        var program = run.World.ProgramName;
        var commands = receipts.Where(receipt => receipt.Command is not null).Select(receipt => receipt.Command!.Value).ToArray();
        var targets = commands.Sum(command => command.Count("targets"));
        var succeeded = commands.Sum(command => command.Count("succeeded"));
        var line = verdict switch
        {
            ExitCode.Ok => $"{succeeded} of {Plural.Of(targets, "target")} succeeded",
            ExitCode.NothingMatched => pending is not null ? $"no cluster got it: {pending}" : commands.First(command => command.NothingMatched is not null).NothingMatched!,
            ExitCode.Usage => commands.First(command => command.Refusal is not null) is var refused
                ? $"command {refused.Name} was refused: {refused.Refusal}; correct the manifest" : "",
            ExitCode.TimedOut => Waiting(receipts, commands, timeout, program),
            ExitCode.Failed => Unseen(commands.First(command => !command.IsSeen)),
            _ => Lost(commands, targets - succeeded, targets, program, pending) + Unmanaged(receipts),
        };
        run.Note(verdict == ExitCode.Ok ? line : run.ErrorPaint.Bad("error:") + " " + Cell.Printable(line));
    }

    /// <summary>Who did not succeed, and which names nobody has: either, or both.</summary>
    private static string Lost(CommandView[] commands, long lost, long targets, string program, string? pending)
    {
        if (commands.FirstOrDefault(command => command.NotAllowed is not null) is { NotAllowed: { } refusal } refused)
        {
            return $"command {refused.Name} was not sent: {refusal}";
        }

        var unknown = commands.Select(command => command.UnknownNames).FirstOrDefault(names => names is not null) is { } names
            ? $"{names}; {pending ?? $"{program} get clusters shows the names"}" : "";
        var failed = lost > 0 || unknown.Length == 0 ? $"{lost} of {Plural.Of(targets, "target")} did not succeed; {program} command show {Worst(commands).Name} --failed lists them" : "";
        return failed + (failed.Length > 0 && unknown.Length > 0 ? "; " : "") + unknown;
    }

    /// <summary>Controllers without a cluster of their own fail whatever is applied to them: the selector is what to change.</summary>
    private static string Unmanaged(IReadOnlyList<Receipt> receipts)
    {
        var names = receipts.SelectMany(receipt => receipt.Failures).Where(failure => failure.Error == "NoManagedCluster").Select(failure => failure.Cluster).Distinct().Order(StringComparer.Ordinal).ToArray();
        return names.Length == 0 ? "" : $"; {string.Join(", ", names)} {(names.Length == 1 ? "manages" : "manage")} no cluster (NoManagedCluster): give --to a tag that only those have which manage one (otectl tag sets it)";
    }

    /// <summary>Said when somebody ends the waiting: what was sent is not called back.</summary>
    internal static void TellInterrupted(Invocation run, IReadOnlyList<Receipt> receipts)
    {
        foreach (var command in receipts.Where(receipt => receipt.Command is { IsFinished: false }).Select(receipt => receipt.Command!.Value))
        {
            run.Note($"interrupted; command {command.Name} goes on: {run.World.ProgramName} command show {command.Name}, or command cancel to end it");
        }
    }

    private static string Waiting(IReadOnlyList<Receipt> receipts, CommandView[] commands, TimeSpan timeout, string program)
    {
        var open = commands.FirstOrDefault(command => !command.IsFinished);
        var rest = receipts.Count - commands.Length;
        var unsent = rest > 0 ? $", {Plural.Of(rest, "further object")} {(rest == 1 ? "was" : "were")} not sent" : "";
        if (open.Object is not null && !open.IsObserved)
        {
            return $"no controller has taken command {open.Name} within {Durations.Format(timeout)}{unsent}; check that the cluster-controller of this control API runs";
        }

        if (open.Object is null && rest == 0 && commands.FirstOrDefault(command => command.IsWatched) is { Object: not null } watched)
        {
            return $"command {watched.Name} succeeded, and not all of it was observed after {Durations.Format(timeout)}: {watched.Unseen}; {program} command show {watched.Name} tells how it goes on, or give it more time with --timeout";
        }

        return open.Object is null
            ? $"not everything was sent within {Durations.Format(timeout)}{unsent}; apply again"
            : $"command {open.Name} has {open.Settled} of {Plural.Of(open.Count("targets"), "target")} done after {Durations.Format(timeout)}{unsent}; "
              + (open.Concern is { } concern ? concern + "; " : "") + $"it goes on: {program} command show {open.Name}, or give it more time with --timeout";
    }

    private static string Unseen(CommandView command) => command.Unseen is { } what
        ? $"command {command.Name} succeeded, and not all of it was observed: {what}"
        : $"command {command.Name} succeeded, and nothing of it can be observed: its controller keeps no mirror of what clusters report (ote cluster-controller --serve), or the command is not about one object; leave --wait-for out";

    private static CommandView Worst(CommandView[] commands) => commands.MaxBy(command => command.Lost);

    private static string Code(Outcome outcome) =>
        outcome.Code == 0 ? "-" : outcome.Code.ToString(System.Globalization.CultureInfo.InvariantCulture);
}
