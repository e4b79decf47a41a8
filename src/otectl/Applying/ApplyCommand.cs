using System.CommandLine;
using System.Text.Json.Nodes;
using Ote.Cluster.Routing;
using Ote.Ctl.Cli;
using Ote.Ctl.Following;
using Ote.Ctl.Output;

namespace Ote.Ctl.Applying;

/// <summary><c>otectl apply -f FILE --to SELECTOR</c>.</summary>
internal sealed class ApplyCommand
{
    private const int MostShown = 80;
    private const string Executed = "executed";
    private const string Observed = "observed";
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    private readonly Option<string[]> _files = new("--filename", "-f")
    {
        Description = "Manifests, YAML or JSON, several documents allowed, or a folder of them; - reads standard input; may be repeated",
        HelpName = "FILE",
        Required = true,
    };

    private readonly Option<bool> _recursive = new("--recursive", "-R") { Description = "Take the manifests in the folders below a folder too" };

    private readonly Option<string> _selector = new("--to")
    {
        Description = "Which clusters: names, globs and tag terms, such as 'c1,c2', 'tier=edge & !gpu' or '*'",
        HelpName = "SELECTOR",
        Required = true,
    };

    private readonly Option<bool> _noWait = new("--no-wait") { Description = "Return when the commands are created" };

    private readonly Option<string?> _waitFor = new("--wait-for")
    {
        Description = $"Until when to wait: {Executed} at every cluster (the default), or {Observed}, when their reports show it",
        HelpName = "STAGE",
    };

    private readonly Option<TimeSpan?> _timeout =
        Durations.Option("--timeout", $"How long to wait in all for the commands to end (default: {Durations.Format(Patience)})");

    private readonly Option<TimeSpan?> _deadline = Durations.Option("--deadline", "Give up targets that were not reached by then (default: a day)");

    private readonly Option<string[]> _resources = new("--resource")
    {
        Description = "Plural, and group, of a kind that the clusters serve and the control API does not; may be repeated",
        HelpName = "PLURAL[.GROUP]",
    };

    private readonly Option<string?> _commandNamespace = new("--command-namespace")
    {
        Description = $"Namespace of the command objects (default: {GlobalOptions.ControlNamespace}); -n is that of manifests that name none",
        HelpName = "NAME",
    };

    private ApplyCommand()
    {
        _waitFor.AcceptOnlyFromAmong(Executed, Observed);
    }

    internal static Command Build(CommandRunner runner)
    {
        var apply = new ApplyCommand();
        return runner.Attach(
            new Command("apply", "Apply manifests at every selected cluster and follow the receipts.")
            {
                apply._files, apply._recursive, apply._selector, apply._noWait, apply._waitFor, apply._timeout, apply._deadline, apply._resources, apply._commandNamespace,
            },
            apply.RunAsync);
    }

    private async Task<ExitCode> RunAsync(Invocation run, CancellationToken cancellation)
    {
        var observed = run.Typed.GetValue(_waitFor) == Observed;
        if (observed && run.Typed.GetValue(_noWait))
        {
            throw new CtlException(ExitCode.Usage, "--no-wait and --wait-for: give one of them");
        }

        var planned = await PlanAsync(run, cancellation).ConfigureAwait(false);
        await NegatedNames.WarnAsync(run, run.Typed.GetValue(_selector) ?? "", cancellation).ConfigureAwait(false);
        var work = new ApplyRun(run, ObjectFollower.Of(run), planned, observed);
        if (run.Typed.GetValue(_noWait))
        {
            await work.SubmitAsync(cancellation).ConfigureAwait(false);
            await PrintAsync(run, work.Receipts).ConfigureAwait(false);
            return ExitCode.Ok;
        }

        var timeout = run.Typed.GetValue(_timeout) ?? Patience;
        var timedOut = await FollowAsync(run, work, timeout, cancellation).ConfigureAwait(false);
        if (timedOut)
        {
            await work.CollectFailuresAsync(cancellation).ConfigureAwait(false);
        }

        await PrintAsync(run, work.Receipts).ConfigureAwait(false);
        var verdict = Receipt.Verdict(work.Receipts, timedOut, observed);
        var pending = await PendingNames.AdviceAsync(run, run.Typed.GetValue(_selector) ?? "", work.Receipts, cancellation).ConfigureAwait(false);
        ApplySummary.Tell(run, work.Receipts, verdict, timeout, pending);
        return verdict;
    }

    /// <summary>The selector, if it is one: nothing is read or sent for one that is not.</summary>
    private static string Selector(string text)
    {
        if (string.IsNullOrWhiteSpace(text))
        {
            throw new CtlException(ExitCode.Usage, "--to: the selector is empty; name clusters or tags, or write '*' for every cluster");
        }

        return ClusterSelector.TryParse(text, out _, out var wrong)
            ? text
            : throw new CtlException(ExitCode.Usage, $"--to '{(text.Length > MostShown ? text[..MostShown] + "…" : text)}', position {wrong.Position} (from 0): {wrong.Message}");
    }

    /// <summary>Whether the time ran out.</summary>
    private static async Task<bool> FollowAsync(Invocation run, ApplyRun work, TimeSpan timeout, CancellationToken cancellation)
    {
        IReceiptDisplay display = run.World.ErrorIsTerminal && run.World.Variable("TERM") != "dumb"
            ? new LiveReceipts(run.World.Error, run.ErrorPaint.Enabled)
            : new ReceiptLines(run.World.Error);
        using var patience = new CancellationTokenSource(timeout, run.World.Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, patience.Token);
        try
        {
            await display.ShowAsync(changed => work.RunAsync(changed, either.Token)).ConfigureAwait(false);
            return false;
        }
        catch (OperationCanceledException) when (patience.IsCancellationRequested && !cancellation.IsCancellationRequested)
        {
            return true;
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            ApplySummary.TellInterrupted(run, work.Receipts);
            throw;
        }
    }

    private async Task<IReadOnlyList<(string Subject, JsonObject Command)>> PlanAsync(Invocation run, CancellationToken cancellation)
    {
        var selector = Selector(run.Typed.GetValue(_selector) ?? "");
        var manifests = await Manifests.ReadAsync(run.Typed.GetValue(_files) ?? [], run.Typed.GetValue(_recursive), run.World.In, cancellation).ConfigureAwait(false);
        var hints = (run.Typed.GetValue(_resources) ?? []).Select(ResourceHint.Parse).ToArray();
        var plan = new CommandPlan(
            selector,
            run.Typed.GetValue(_commandNamespace) ?? GlobalOptions.ControlNamespace,
            run.Namespace ?? "default",
            run.Typed.GetValue(_deadline));
        var kinds = new KindFinder(run.Api, hints, run.Namespace);
        var planned = new List<(string, JsonObject)>();
        foreach (var manifest in manifests)
        {
            var kind = await kinds.FindAsync(manifest, cancellation).ConfigureAwait(false);
            planned.Add((manifest.Subject, plan.Command(manifest, kind, run.World.Entropy)));
        }

        return planned;
    }

    private static async Task PrintAsync(Invocation run, IReadOnlyList<Receipt> receipts)
    {
        if (run.WantsObjects)
        {
            var made = receipts.Where(receipt => receipt.Command is not null).Select(receipt => receipt.Command!.Value.Object);
            await ObjectPrinter.ListAsync(run.Out, run.Format, made).ConfigureAwait(false);
            return;
        }

        ApplySummary.Write(run, receipts);
    }
}
