using System.CommandLine;
using System.CommandLine.Parsing;

namespace Ote.Cli;

/// <summary>Says what is wrong with a command line in one line: the thing, what was probably meant, and where the right words are. Pure.</summary>
public static class Complaint
{
    /// <summary>What is wrong; null when nothing is.</summary>
    /// <param name="typed">What was typed.</param>
    /// <param name="root">The whole command line.</param>
    /// <param name="program">What the program is called.</param>
    public static string? Of(ParseResult typed, Command root, string program)
    {
        ArgumentNullException.ThrowIfNull(typed);
        ArgumentNullException.ThrowIfNull(root);
        if (typed.Errors.Count == 0 && StrayOption(typed) is null)
        {
            return null;
        }

        var at = typed.CommandResult.Command;
        var path = string.Join(' ', Names(at, root).Prepend(program));
        return $"{Explain(typed, at, path)}; see {path} --help";
    }

    /// <summary>The words that lead to a command, the program left out.</summary>
    internal static List<string> Names(Command command, Command root)
    {
        var names = new List<string>();
        for (Symbol? at = command; at is not null && at != root; at = at.Parents.FirstOrDefault())
        {
            names.Insert(0, at.Name);
        }

        return names;
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

    /// <summary>The parser takes an option it does not know for a value; no name of ours begins with a dash. What stands behind <c>--</c> is meant as it is.</summary>
    private static string? StrayOption(ParseResult typed) => typed.CommandResult.Command.Hidden
        ? null
        : typed.CommandResult.Children.OfType<ArgumentResult>().SelectMany(argument => argument.Tokens).Select(token => token.Value)
            .FirstOrDefault(value => value.Length > 1 && value[0] == '-' && typed.Tokens.TakeWhile(token => token.Type != TokenType.DoubleDash).Any(token => token.Type == TokenType.Argument && token.Value == value));
}
