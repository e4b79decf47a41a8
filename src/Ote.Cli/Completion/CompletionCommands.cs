using System.CommandLine;

namespace Ote.Cli.Completion;

/// <summary><c>completion bash|zsh|fish</c>, and the hidden command that its scripts ask, for a program whose words are all known to its parser.</summary>
public static class CompletionCommands
{
    /// <summary>Adds both to a program.</summary>
    /// <param name="root">The whole command line.</param>
    /// <param name="program">The executable's name.</param>
    /// <param name="fileOptions">Options that take a path.</param>
    /// <returns>The same, to go on with.</returns>
    public static RootCommand WithCompletion(this RootCommand root, string program, params string[] fileOptions)
    {
        ArgumentNullException.ThrowIfNull(root);
        var shell = ShellArgument();
        var completion = new Command("completion", "Print a script that completes commands and options in a shell") { shell };
        completion.SetAction(parsed => parsed.InvocationConfiguration.Output.Write(CompletionScript.Of(parsed.GetValue(shell)!, program, fileOptions) + "\n"));
        var words = WordsArgument();
        var asked = new Command(Candidates.Asked) { Hidden = true, TreatUnmatchedTokensAsErrors = false, Arguments = { words } };
        asked.SetAction(parsed =>
        {
            foreach (var candidate in Candidates.Of(root, parsed.GetValue(words) ?? []))
            {
                parsed.InvocationConfiguration.Output.Write(candidate + "\n");
            }
        });
        root.Add(completion);
        root.Add(asked);
        return root;
    }

    /// <summary>The shell whose script is wanted.</summary>
    public static Argument<string> ShellArgument()
    {
        var shell = new Argument<string>("SHELL") { HelpName = "SHELL", Description = "bash, zsh or fish" };
        shell.AcceptOnlyFromAmong([.. CompletionScript.Shells]);
        return shell;
    }

    /// <summary>The words of a line that is being typed, as scripts pass them.</summary>
    public static Argument<string[]> WordsArgument() => new("WORD") { Arity = ArgumentArity.ZeroOrMore, CaptureRemainingTokens = true };
}
