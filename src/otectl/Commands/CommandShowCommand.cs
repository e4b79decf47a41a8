using System.CommandLine;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;
using Ote.Ctl.Cli;
using Ote.Ctl.Output;
using Ote.Kube.Objects;

namespace Ote.Ctl.Commands;

/// <summary><c>otectl command show NAME</c>.</summary>
internal static class CommandShowCommand
{
    internal static Command Build(CommandRunner runner)
    {
        var name = CommandCommand.NameArgument();
        var failed = new Option<bool>("--failed") { Description = "Only targets that did not succeed" };
        var body = new Option<string?>("--body")
        {
            Description = "Print the answers too; with CLUSTER, that cluster's answer and nothing else",
            HelpName = "CLUSTER",
            Arity = ArgumentArity.ZeroOrOne,
        };
        body.CompletionSources.Add(Completions.Clusters);
        return runner.Attach(
            new Command("show", "Show a command and what became of it at each target.") { name, failed, body },
            async (run, cancellation) =>
            {
                var command = await CommandReader.OneAsync(run, run.Typed.GetValue(name)!, cancellation).ConfigureAwait(false);
                if (run.Typed.GetValue(body) is { } cluster)
                {
                    await CommandBodies.PrintOneAsync(run, command, cluster, cancellation).ConfigureAwait(false);
                    return ExitCode.Ok;
                }

                var withAnswers = run.Typed.GetResult(body) is not null;
                if (run.WantsObjects)
                {
                    await PrintAsync(run, command, withAnswers, cancellation).ConfigureAwait(false);
                    return ExitCode.Ok;
                }

                await ShowAsync(run, command, run.Typed.GetValue(failed), cancellation).ConfigureAwait(false);
                if (withAnswers)
                {
                    await CommandBodies.PrintAllAsync(run, command, run.Typed.GetValue(failed), cancellation).ConfigureAwait(false);
                }

                return ExitCode.Ok;
            });
    }

    /// <summary>The object, as kubectl gives it; with the answers a list of it and the pages they stand in.</summary>
    private static async Task PrintAsync(Invocation run, CommandView command, bool withAnswers, CancellationToken cancellation)
    {
        if (withAnswers)
        {
            await ObjectPrinter.ListAsync(run.Out, run.Format, WithPagesAsync(run, command, cancellation)).ConfigureAwait(false);
            return;
        }

        ObjectPrinter.One(run.Out, run.Format, command.Object);
    }

    private static async Task ShowAsync(Invocation run, CommandView command, bool failedOnly, CancellationToken cancellation)
    {
        Head(run, command);
        var waiting = new SortedSet<string>(StringComparer.Ordinal);
        await foreach (var target in ResultPages.TargetsAsync(run.Api, command, cancellation).ConfigureAwait(false))
        {
            waiting.Add(target);
        }

        var seen = new Dictionary<string, string>(StringComparer.Ordinal);
        if (command.TellsObserved)
        {
            await foreach (var (cluster, at) in ResultPages.ObservedAsync(run.Api, command, cancellation).ConfigureAwait(false))
            {
                seen[cluster] = at is { } time ? Age.Since(time, run.Now) : "yes";
            }
        }

        Cell[] Observed(string cluster) => command.TellsObserved ? [seen.GetValueOrDefault(cluster, "-")] : [];
        var rows = new List<(bool Well, string Cluster, Cell[] Cells)>();
        await foreach (var outcome in ResultPages.OutcomesAsync(run.Api, command, cancellation).ConfigureAwait(false))
        {
            waiting.Remove(outcome.Cluster);
            if (!failedOnly || !outcome.Succeeded)
            {
                rows.Add((outcome.Succeeded, outcome.Cluster, [
                    outcome.Cluster,
                    new Cell(outcome.Word, run.OutPaint.State),
                    outcome.Code == 0 ? "-" : outcome.Code.ToString(CultureInfo.InvariantCulture),
                    outcome.Time is { } ended ? Age.Since(ended, run.Now) : "-",
                    .. Observed(outcome.Cluster),
                    outcome.Describe() is { Length: > 0 } text ? text : "-"]));
            }
        }

        foreach (var cluster in failedOnly && !command.IsFinished ? [] : waiting)
        {
            rows.Add((!command.IsFinished, cluster, [cluster, command.IsFinished ? "unknown" : "waiting", "-", "-", .. Observed(cluster), "-"]));
        }

        if (rows.Count > 0)
        {
            var table = new TextTable(["CLUSTER", "OUTCOME", "CODE", "AGE", .. command.TellsObserved ? ["OBSERVED"] : Array.Empty<string>(), "ERROR"]);
            foreach (var row in rows.OrderBy(row => row.Well).ThenBy(row => row.Cluster, StringComparer.Ordinal))
            {
                table.Add(row.Cells);
            }

            run.Out.Write("\n");
            table.WriteTo(run.Out);
        }
        else
        {
            run.Note(command.IsFinished && command.Count("targets") == 0 ? "it was sent to no cluster" : failedOnly ? "no target failed" : "no target yet");
        }
    }

    private static void Head(Invocation run, CommandView command)
    {
        void Field(string name, Cell value) => run.Out.Write($"{name + ":",-11}{value.Shown}\n");
        Field("Name", $"{command.Namespace}/{command.Name}");
        if (command.Subject.Length > 0)
        {
            Field("Subject", command.Subject);
        }

        Field("Selector", command.Selector);
        Field("Request", $"{command.Method} {command.Url}");
        Field("Phase", new Cell(command.Phase, run.OutPaint.State));
        Field("Created", command.Created is { } created ? $"{created.ToKubeTime()} ({Age.Since(created, run.Now)} ago)" : "");
        string[] stages = ["targets", "accepted", "sent", "durable", "executed", .. command.TellsObserved ? ["observed"] : Array.Empty<string>(), "succeeded", "failed", "expired", "cancelled", .. command.Count("notSelected") > 0 ? ["notSelected"] : Array.Empty<string>()];
        Field("Receipts", string.Join(", ", stages.Select(stage => string.Create(CultureInfo.InvariantCulture, $"{stage} {command.Count(stage)}"))));
        if (command.Unseen is { } unseen && command.IsFinished)
        {
            Field("Observed", unseen);
        }

        if ((command.NothingMatched ?? command.Refusal ?? command.NotAllowed ?? command.Concern) is { } why)
        {
            Field("Message", new Cell(why, run.OutPaint.Bad));
        }
    }

    private static async IAsyncEnumerable<JsonObject> WithPagesAsync(
        Invocation run, CommandView command, [EnumeratorCancellation] CancellationToken cancellation)
    {
        yield return command.Object;
        await foreach (var page in ResultPages.PagesAsync(run.Api, command, null, cancellation).ConfigureAwait(false))
        {
            yield return page;
        }
    }
}
