using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace Ote.Cli;

/// <summary>
/// How one run of any of the executables goes: what is typed right is carried out, what is typed wrong is told in one line and ends with
/// <see cref="Usage"/>.
/// </summary>
public static class Executable
{
    /// <summary>The exit code of a command line that is wrong.</summary>
    public const int Usage = 2;

    /// <summary>Parses, runs, and returns the exit code.</summary>
    /// <param name="root">The whole command line.</param>
    /// <param name="program">What the program is called in texts, such as <c>kubectl ote</c>; the parser knows one name only.</param>
    /// <param name="arguments">What was typed after it.</param>
    /// <param name="configuration">Where it writes, and how it is ended.</param>
    /// <param name="cancellation">Ends a run.</param>
    public static async Task<int> RunAsync(Command root, string program, IReadOnlyList<string> arguments, InvocationConfiguration configuration, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(root);
        ArgumentNullException.ThrowIfNull(program);
        ArgumentNullException.ThrowIfNull(arguments);
        ArgumentNullException.ThrowIfNull(configuration);
        var typed = root.Parse(arguments);
        if (typed.Action is HelpAction)
        {
            return await HelpAsync(root, program, arguments, configuration, configuration.Output, cancellation).ConfigureAwait(false);
        }

        var at = typed.CommandResult.Command;
        if (typed.Action is null or ParseErrorAction || typed.Action == at.Action)
        {
            if (at.Subcommands.Count > 0 && typed.UnmatchedTokens.Count == 0 && (at.Action is null || (typed.Errors.Count > 0 && typed.CommandResult.Tokens.Count == 0)))
            {
                // Only the beginning of a command: what can follow is what was wanted.
                await HelpAsync(root, program, [.. Complaint.Names(at, root), "--help"], configuration, configuration.Error, cancellation).ConfigureAwait(false);
                return Usage;
            }

            if (Complaint.Of(typed, root, program) is { } complaint)
            {
                configuration.Error.Write($"error: {complaint}\n");
                return Usage;
            }
        }

        return await typed.InvokeAsync(configuration, cancellation).ConfigureAwait(false);
    }

    /// <summary>Help names the program as it was called, and shows what may be left out.</summary>
    private static async Task<int> HelpAsync(
        Command root, string program, IReadOnlyList<string> arguments, InvocationConfiguration configuration, TextWriter output, CancellationToken cancellation)
    {
        using var help = new StringWriter { NewLine = "\n" };
        var into = new InvocationConfiguration { Output = help, Error = configuration.Error, EnableDefaultExceptionHandler = false };
        var code = await root.Parse(arguments).InvokeAsync(into, cancellation).ConfigureAwait(false);
        var text = help.ToString().Replace($"  {root.Name}", $"  {program}", StringComparison.Ordinal);
        foreach (var command in root.Subcommands.Where(command => command.Arguments.Any(argument => argument.Arity.MinimumNumberOfValues == 0)))
        {
            var shown = string.Concat(command.Arguments.Select(argument => $" <{argument.HelpName ?? argument.Name}>"));
            var meant = string.Concat(command.Arguments.Select(argument => argument.Arity.MinimumNumberOfValues == 0 ? $" [{argument.HelpName}]" : $" <{argument.HelpName}>"));
            text = text.Replace($"  {command.Name}{shown}  ", $"  {command.Name}{meant}  ", StringComparison.Ordinal);
        }

        foreach (var command in root.Subcommands.Where(command => command.Arguments.Count > 0))
        {
            // Who types the name of what is below it leaves its own arguments out.
            var own = string.Join(' ', command.Arguments.Select(argument => argument.Arity.MinimumNumberOfValues == 0 ? $"[<{argument.HelpName}>]" : $"<{argument.HelpName}>"));
            text = command.Subcommands.Aggregate(text, (shown, below) => shown.Replace($"{command.Name} {own} {below.Name}", $"{command.Name} {below.Name}", StringComparison.Ordinal));
        }

        output.Write(text.TrimEnd() + "\n");
        return code;
    }
}
