using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Parsing;
using Ote.Ctl.Applying;
using Ote.Ctl.Authority;
using Ote.Ctl.Backup;
using Ote.Ctl.Budgets;
using Ote.Ctl.Clusters;
using Ote.Ctl.Commands;
using Ote.Ctl.Joining;
using Ote.Ctl.Lateral;
using Ote.Ctl.Messages;
using Ote.Ctl.Placing;
using Ote.Ctl.Setup;

namespace Ote.Ctl.Cli;

/// <summary>The whole command line: its commands, and how one run of it goes.</summary>
internal static class CommandLine
{
    /// <summary>Parses, runs, and returns the exit code.</summary>
    internal static async Task<int> RunAsync(Surroundings world, IReadOnlyList<string> arguments, CancellationToken cancellation)
    {
        var root = Build(world);
        var typed = root.Parse(arguments);
        var helps = typed.Action is HelpAction;
        var at = typed.CommandResult.Command;
        if (typed.Action is VersionCommand.Printing print)
        {
            return print.Invoke(typed);
        }

        if (!helps && at.Action is null && at.Subcommands.Count > 0 && typed.UnmatchedTokens.Count == 0)
        {
            // Only the beginning of a command: what can follow is what was wanted.
            await HelpAsync(world, root, [.. Names(at, root), "--help"], world.Error, cancellation).ConfigureAwait(false);
            return (int)ExitCode.Usage;
        }

        if (!helps && (typed.Errors.Count > 0 || StrayOption(typed) is not null))
        {
            world.Error.Write($"error: {Explain(typed, at, Path(world.ProgramName, at, root))}; see {Path(world.ProgramName, at, root)} --help\n");
            return (int)ExitCode.Usage;
        }

        if (helps)
        {
            return await HelpAsync(world, root, arguments, world.Out, cancellation).ConfigureAwait(false);
        }

        var configuration = new InvocationConfiguration { Output = world.Out, Error = world.Error, EnableDefaultExceptionHandler = false };
        return await typed.InvokeAsync(configuration, cancellation).ConfigureAwait(false);
    }

    internal static Command Build(Surroundings world)
    {
        var globals = new GlobalOptions();
        var runner = new CommandRunner(world, globals);
        var root = new Command("otectl", "Operate a tree of clusters through its control API.") { new HelpOption("--help", "-h"), VersionCommand.Option(world) };
        globals.AddTo(root);
        root.Add(GetClustersCommand.Build(runner));
        root.Add(TreeCommand.Build(runner));
        root.Add(DescribeClusterCommand.Build(runner));
        root.Add(JoinTokenCommand.Build(runner));
        root.Add(AcceptCommand.BuildAccept(runner));
        root.Add(AcceptCommand.BuildRevoke(runner));
        root.Add(IssuingCommand.Build(runner));
        root.Add(CaRotateCommand.Build(runner));
        root.Add(ApplyCommand.Build(runner));
        root.Add(CommandCommand.Build(runner));
        root.Add(SendCommand.Build(runner));
        root.Add(ReceiveCommand.Build(runner));
        root.Add(TagCommand.Build(runner));
        root.Add(DeleteClusterCommand.Build(runner));
        root.Add(PinCommand.Build(runner));
        root.Add(PinCommand.BuildUnpin(runner));
        root.Add(ForbidCommand.Build(runner));
        root.Add(ForbidCommand.BuildAllow(runner));
        root.Add(DrainCommand.Build(runner));
        root.Add(DrainCommand.BuildUndrain(runner));
        root.Add(BudgetCommand.Build(runner));
        root.Add(LateralCommand.Build(runner));
        root.Add(BackupCommand.Build(runner));
        root.Add(InstallCommand.Build(runner));
        root.Add(KubeconfigCommand.Build(runner));
        root.Add(VersionCommand.Build(runner));
        root.Add(CompletionCommand.Build(runner));
        root.Add(CompleteCommand.Build(runner, () => root));
        return root;
    }

    /// <summary>Help names the program as it was called, which the parser knows by one name only, and shows what may be left out.</summary>
    private static async Task<int> HelpAsync(Surroundings world, Command root, IReadOnlyList<string> arguments, TextWriter output, CancellationToken cancellation)
    {
        using var help = new StringWriter { NewLine = "\n" };
        var configuration = new InvocationConfiguration { Output = help, Error = world.Error, EnableDefaultExceptionHandler = false };
        var code = await root.Parse(arguments).InvokeAsync(configuration, cancellation).ConfigureAwait(false);
        var text = help.ToString().Replace($"  {root.Name}", $"  {world.ProgramName}", StringComparison.Ordinal);
        foreach (var command in root.Subcommands.Where(command => command.Arguments.Any(argument => argument.Arity.MinimumNumberOfValues == 0)))
        {
            var shown = string.Concat(command.Arguments.Select(argument => $" <{argument.HelpName ?? argument.Name}>"));
            var meant = string.Concat(command.Arguments.Select(argument => argument.Arity.MinimumNumberOfValues == 0 ? $" [{argument.HelpName}]" : $" <{argument.HelpName}>"));
            text = text.Replace($"  {command.Name}{shown}  ", $"  {command.Name}{meant}  ", StringComparison.Ordinal);
        }

        output.Write(text.TrimEnd() + "\n");
        return code;
    }

    /// <summary>The parser's first complaint on one line; of a word it does not know, what was probably meant.</summary>
    private static string Explain(ParseResult typed, Command at, string path)
    {
        if ((StrayOption(typed) ?? (typed.UnmatchedTokens is [var unmatched, ..] ? unmatched : null)) is { } word)
        {
            if (at.Options.Any(option => option.Name == word || option.Aliases.Contains(word)))
            {
                return $"'{word}' belongs to '{at.Name}' and goes after it";
            }

            var names = at.Subcommands.Where(command => !command.Hidden).Select(command => command.Name)
                .Concat(at.Options.SelectMany(option => option.Aliases.Append(option.Name)));
            var hint = Nearest.Hint(word, names);
            if (hint.Length == 0 && word[0] != '-' && at.Action is null && at.Subcommands.Where(command => !command.Hidden).ToArray() is [var only])
            {
                // The one kind there is was left out: 'describe c1'.
                hint = $" (did you mean {path} {only.Name} {word}?)";
            }

            return $"'{word}' is not known here{hint}";
        }

        var words = typed.Errors[0].Message.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        return string.Join(' ', words).TrimEnd('.');
    }

    /// <summary>The parser takes an option it does not know for a value; no name of ours begins with a dash.</summary>
    private static string? StrayOption(ParseResult typed) => typed.CommandResult.Command.Hidden
        ? null
        : typed.CommandResult.Children.OfType<ArgumentResult>().SelectMany(argument => argument.Tokens).Select(token => token.Value)
            .FirstOrDefault(value => value.Length > 1 && value[0] == '-');

    private static string Path(string program, Command command, Command root) => string.Join(' ', Names(command, root).Prepend(program));

    private static List<string> Names(Command command, Command root)
    {
        var names = new List<string>();
        for (Symbol? at = command; at is not null && at != root; at = at.Parents.FirstOrDefault())
        {
            names.Insert(0, at.Name);
        }

        return names;
    }
}
