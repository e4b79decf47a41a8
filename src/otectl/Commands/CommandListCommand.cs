using System.CommandLine;
using Ote.Ctl.Cli;
using Ote.Ctl.Output;

namespace Ote.Ctl.Commands;

/// <summary><c>otectl command list</c>.</summary>
internal static class CommandListCommand
{
    internal static Command Build(CommandRunner runner)
    {
        var everywhere = new Option<bool>("--all-namespaces", "-A") { Description = "Of every namespace, whatever -n says" };
        return runner.Attach(
            new Command("list", "List commands, the newest first.") { everywhere },
            (run, cancellation) => RunAsync(run, run.Typed.GetValue(everywhere), cancellation));
    }

    private static async Task<ExitCode> RunAsync(Invocation run, bool everywhere, CancellationToken cancellation)
    {
        var (commands, ns) = await CommandReader.AllAsync(run, everywhere ? null : run.Namespace, cancellation).ConfigureAwait(false);
        if (run.WantsObjects)
        {
            await ObjectPrinter.ListAsync(run.Out, run.Format, commands.Select(command => command.Object)).ConfigureAwait(false);
            return ExitCode.Ok;
        }

        if (commands.Count == 0)
        {
            run.Note(ns is null ? "no commands" : $"no commands in namespace {ns}");
            return ExitCode.Ok;
        }

        var wide = run.Format == OutputFormat.Wide;
        string[] before = ns is null ? ["NAMESPACE", "NAME"] : ["NAME"];
        string[] behind = wide ? ["METHOD", "URL"] : [];
        var table = new TextTable([.. before, "SELECTOR", "PHASE", "TARGETS", "SUCCEEDED", "FAILED", "AGE", .. behind]);
        foreach (var command in commands)
        {
            Cell[] key = ns is null ? [command.Namespace, command.Name] : [command.Name];
            Cell[] request = wide ? [command.Method, command.Url] : [];
            table.Add([
                .. key,
                command.Selector,
                new Cell(command.Phase, run.OutPaint.State),
                command.Count("targets"),
                command.Count("succeeded"),
                command.Lost,
                Age.Since(command.Created, run.Now),
                .. request]);
        }

        table.WriteTo(run.Out);
        return ExitCode.Ok;
    }
}
