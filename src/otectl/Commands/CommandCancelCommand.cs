using System.CommandLine;
using System.Text.Json.Nodes;
using Ote.Ctl.Cli;
using Ote.Ctl.Output;
using Ote.Kube.Client;
using Ote.Kube.Objects;

namespace Ote.Ctl.Commands;

/// <summary><c>otectl command cancel NAME</c>.</summary>
internal static class CommandCancelCommand
{
    internal static Command Build(CommandRunner runner)
    {
        var name = CommandCommand.NameArgument();
        return runner.Attach(
            new Command("cancel", "Cancel a command where it has not been executed yet.") { name },
            (run, cancellation) => RunAsync(run, run.Typed.GetValue(name)!, cancellation));
    }

    private static async Task<ExitCode> RunAsync(Invocation run, string name, CancellationToken cancellation)
    {
        var command = await CommandReader.OneAsync(run, name, cancellation).ConfigureAwait(false);
        name = command.Name;
        if (command.IsFinished)
        {
            throw new CtlException(ExitCode.Failed, $"command '{name}' cannot be cancelled: it ended already ({command.Phase}); apply another command to undo it");
        }

        var patch = new JsonObject { ["spec"] = new JsonObject { ["cancel"] = true } };
        var changed = await run.Api
            .PatchAsync(Kinds.ClusterControllers, command.Namespace, name, PatchKind.Merge, patch, cancellation, fieldManager: "otectl").ConfigureAwait(false);
        if (run.WantsObjects)
        {
            ObjectPrinter.One(run.Out, run.Format, changed);
        }
        else
        {
            run.Out.Write($"command {name} is being cancelled; targets that executed it already keep their result\n");
        }

        return ExitCode.Ok;
    }
}
