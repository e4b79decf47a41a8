using System.CommandLine;
using Ote.Ctl.Cli;

namespace Ote.Ctl.Commands;

/// <summary><c>otectl command list|show|cancel</c>.</summary>
internal static class CommandCommand
{
    internal static Command Build(CommandRunner runner) =>
        new("command", "List, show and cancel commands.") { CommandListCommand.Build(runner), CommandShowCommand.Build(runner), CommandCancelCommand.Build(runner) };

    internal static Argument<string> NameArgument()
    {
        var name = new Argument<string>("NAME") { HelpName = "NAME", Description = "The command" };
        name.CompletionSources.Add(Completions.Commands);
        return name;
    }
}
