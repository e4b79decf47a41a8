using System.CommandLine;
using Ote.Cli.Completion;
using Ote.Ctl.Cli;

namespace Ote.Ctl.Setup;

/// <summary><c>otectl completion bash|zsh|fish</c>: scripts that ask the hidden <c>__complete</c> command at each Tab.</summary>
internal static class CompletionCommand
{
    internal static Command Build(CommandRunner runner)
    {
        var shell = CompletionCommands.ShellArgument();
        return runner.Attach(
            new Command("completion", "Print a script that completes commands, options and names in a shell.") { shell },
            (run, _) =>
            {
                run.Out.Write(CompletionScript.Of(run.Typed.GetValue(shell)!, "otectl", ["-f", "--filename", "--kubeconfig"]) + "\n");
                return Task.FromResult(ExitCode.Ok);
            });
    }
}
