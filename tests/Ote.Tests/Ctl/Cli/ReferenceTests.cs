using System.CommandLine;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using Ote.Ctl;
using Ote.Ctl.Cli;

namespace Ote.Tests.Ctl.Cli;

/// <summary>docs/reference/otectl.md says what the program does, no more and no less.</summary>
public sealed partial class ReferenceTests
{
    private static readonly string Text = File.ReadAllText(PathOf());

    [Fact]
    public async Task Every_command_and_every_option_is_in_the_reference_and_the_reverse()
    {
        await using var world = await CtlWorld.StartAsync();
        var root = CommandLine.Build(world.Surroundings(TextWriter.Null, TextWriter.Null, TextReader.Null));
        var actual = new SortedDictionary<string, string>(StringComparer.Ordinal) { ["Global options"] = Options(root) };
        Walk(root, "otectl", actual);
        var written = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var section in Section().Split(Text).Skip(1))
        {
            var title = section.Split('\n')[0].Trim('`', ' ');
            if (title == "Global options" || title.StartsWith("otectl ", StringComparison.Ordinal))
            {
                written[title] = Sorted(OptionRow().Matches(section).SelectMany(row => Option().Matches(row.Value).Select(match => match.Groups[1].Value)));
            }
        }

        Assert.Equal(actual.Select(pair => $"{pair.Key}: {pair.Value}"), written.Select(pair => $"{pair.Key}: {pair.Value}"));
    }

    [Fact]
    public void Exit_codes_are_those_of_the_program()
    {
        var written = ExitRow().Matches(Text).Select(match => $"{match.Groups[1].Value} {match.Groups[2].Value}");
        Assert.Equal(Enum.GetValues<ExitCode>().Select(code => string.Create(CultureInfo.InvariantCulture, $"{(int)code} {code}")), written);
    }

    private static void Walk(Command command, string path, SortedDictionary<string, string> found)
    {
        foreach (var child in command.Subcommands.Where(child => !child.Hidden))
        {
            if (child.Subcommands.Count == 0 || child.Action is not null)
            {
                found[$"{path} {child.Name}"] = Options(child);
            }

            Walk(child, $"{path} {child.Name}", found);
        }
    }

    private static string Options(Command command) =>
        Sorted(command.Options.Where(option => !option.Hidden).SelectMany(option => option.Aliases.Append(option.Name)));

    private static string Sorted(IEnumerable<string> names) => string.Join(' ', names.Distinct().Order(StringComparer.Ordinal));

    private static string PathOf([CallerFilePath] string here = "") =>
        Path.Combine(Path.GetDirectoryName(here)!, "..", "..", "..", "..", "docs", "reference", "otectl.md");

    [GeneratedRegex("^##+ ", RegexOptions.Multiline)]
    private static partial Regex Section();

    [GeneratedRegex(@"^\| `-[^|]*\|", RegexOptions.Multiline)]
    private static partial Regex OptionRow();

    [GeneratedRegex("`(-[^`]*)`")]
    private static partial Regex Option();

    [GeneratedRegex(@"^\| ([0-9]+) \| ([A-Za-z]+) \|", RegexOptions.Multiline)]
    private static partial Regex ExitRow();
}
