using System.CommandLine;

namespace Ote.Cli.Completion;

/// <summary>What may stand at the end of a line. Pure but for what completion sources ask.</summary>
public static class Candidates
{
    /// <summary>The command that scripts of shells ask.</summary>
    public const string Asked = "__complete";

    /// <summary>The first letter of what stands for names that are yet to be fetched: it is returned whatever was typed.</summary>
    public const char Marker = '\u0001';

    /// <summary>Words that may stand in the last one's place, each once, in the parser's order.</summary>
    /// <param name="root">The whole command line.</param>
    /// <param name="words">What was typed after the program's name; the last is what is being typed, perhaps empty.</param>
    public static IEnumerable<string> Of(Command root, IReadOnlyList<string> words)
    {
        ArgumentNullException.ThrowIfNull(root);
        ArgumentNullException.ThrowIfNull(words);
        var typed = words.Count == 0 ? "" : words[^1];
        // The parser drops what does not contain the typed word, and so would drop markers: it is asked what may stand there at all.
        var line = string.Concat(words.SkipLast(1).Select(word => Quote(word) + " "));
        // Options are many: they are offered once a dash is typed, and never as Windows has them (/?).
        return root.Parse(line).GetCompletions(line.Length).Select(item => item.InsertText ?? item.Label).Distinct(StringComparer.Ordinal)
            .Where(word => word[0] == Marker || (word.StartsWith(typed, StringComparison.Ordinal) && word != Asked && word[0] != '/' && (word[0] != '-' || typed.Length > 0)));
    }

    private static string Quote(string word) => word.Length == 0 ? "" : word.Contains(' ', StringComparison.Ordinal) ? $"\"{word}\"" : word;
}
