using System.Text.RegularExpressions;

namespace Ote.Conformance.Statements;

/// <summary>
/// Reads the files of the script. A statement is a line, with its continuations (<c>\</c> at the end) and here-documents. One that begins with
/// <c>kubectl</c> or <c>helm</c>, perhaps after <c>NAME=value</c>, is a command; <c>wait</c> waits; anything else prepares. What ends a
/// first line is for the runner: <c>&amp;</c> (background), <c>&amp;4</c> (background, ended by its fourth line of output), <c>#old</c> or
/// <c>#new</c> (by one age of kubectl only). A line <c>#!new</c> says the same of the whole section. Pure.
/// </summary>
public static partial class StatementReader
{
    /// <summary>The sections of a folder in the order of their files' names.</summary>
    /// <exception cref="FormatException">A here-document does not end; the message names section and line.</exception>
    public static IReadOnlyList<Statement> ReadAll(string folder) =>
        [.. Directory.EnumerateFiles(folder, "*.txt").Order(StringComparer.Ordinal).SelectMany(file => Read(SectionOf(file), File.ReadAllText(file)))];

    /// <summary>The statements of one section.</summary>
    /// <exception cref="FormatException">As above.</exception>
    public static IReadOnlyList<Statement> Read(string section, string text)
    {
        string[] lines = text.ReplaceLineEndings("\n").Split('\n');
        List<Statement> statements = [];
        Dictionary<string, int> titles = new(StringComparer.Ordinal);
        string? only = null;
        for (int i = 0; i < lines.Length; i++)
        {
            if (lines[i] is "#!new" or "#!old")
                only = lines[i][2..];
            if (lines[i].Length == 0 || lines[i].StartsWith('#'))
                continue;
            int began = i + 1;
            Statement statement = Begin(section, lines[i]) is var first && first.Only is null ? first with { Only = only } : first;
            List<string> shell = [statement.Shell];
            while (lines[i].EndsWith('\\') && i + 1 < lines.Length)
                shell.Add(lines[++i]);
            foreach (Match here in shell.SelectMany(line => Here().Matches(line)).ToList())
            {
                do
                {
                    if (++i >= lines.Length)
                        throw new FormatException($"{section}, line {began}: the here-document {here.Groups[1].Value} does not end; end it with a line of that word");
                    shell.Add(lines[i]);
                }
                while (lines[i] != here.Groups[1].Value);
            }
            // The same line again, with another here-document or after other commands, is another command.
            int nth = titles[statement.Title] = titles.GetValueOrDefault(statement.Title) + 1;
            statements.Add(statement with { Title = nth == 1 ? statement.Title : $"{statement.Title} ({nth})", Shell = string.Join('\n', shell) });
        }
        return statements;
    }

    private static Statement Begin(string section, string line)
    {
        string? only = null;
        foreach (string age in (string[])["old", "new"])
        {
            if (line.EndsWith(" #" + age, StringComparison.Ordinal))
                (line, only) = (line[..^(age.Length + 2)].TrimEnd(), age);
        }
        Match end = Background().Match(line);
        if (end.Success)
            line = line[..end.Index].TrimEnd();
        StatementKind kind = line == "wait" ? StatementKind.Wait : Command().IsMatch(line) ? StatementKind.Command : StatementKind.Preparation;
        int lines = end.Groups[1].Length > 0 ? int.Parse(end.Groups[1].ValueSpan, System.Globalization.CultureInfo.InvariantCulture) : 0;
        return new Statement(section, kind, Here().Replace(line, "<<").TrimEnd('\\', ' '), line) { Background = end.Success, Lines = lines, Only = only };
    }

    private static string SectionOf(string file) => Number().Replace(Path.GetFileNameWithoutExtension(file), "");

    [GeneratedRegex("""^([A-Z_]+=('[^']*'|"[^"]*"|\S*) )*(kubectl|helm) """)]
    private static partial Regex Command();

    [GeneratedRegex(@"&(\d*)$")]
    private static partial Regex Background();

    [GeneratedRegex("<<'?([A-Z]+)'?")]
    private static partial Regex Here();

    [GeneratedRegex(@"^\d+-")]
    private static partial Regex Number();
}
