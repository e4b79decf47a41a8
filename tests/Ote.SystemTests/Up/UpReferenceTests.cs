using System.Text.RegularExpressions;

namespace Ote.SystemTests.Up;

/// <summary>docs/reference/up.md says what <c>up</c> takes and prints.</summary>
public sealed partial class UpReferenceTests
{
    private static readonly string s_document = File.ReadAllText(Path.Combine(Repository.Root, "docs", "reference", "up.md"));

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Options_inTheDocument_areThoseOfTheProgram()
    {
        CommandResult help = (await UpRun.ToEndAsync(Ct, "--help")).Succeeded();

        string[] offered = [.. UpRun.Lines(help.Out).Where(line => line.TrimStart().StartsWith('-')).Select(line => LongOption().Match(line).Value).Order()];
        Assert.NotEmpty(offered);
        Assert.Contains("Usage:\n  ./ote up [options]\n", help.Out, StringComparison.Ordinal);
        Assert.Equal(offered, Cells("Options").Select(cell => LongOption().Match(cell).Value).Order());
    }

    [Fact]
    public async Task Fields_inTheDocument_areThoseOfTheReport()
    {
        CommandResult run = await UpRun.ToEndAsync(Ct, "--clusters", "1", "--exit", "-o", "json");

        Assert.Equal(UpRun.Report(run).Select(field => field.Key), Cells("The object of `-o json`").Select(cell => cell.Trim('`')));
    }

    /// <summary>The first cells of a section's table, without its head.</summary>
    private static IEnumerable<string> Cells(string section)
    {
        string text = s_document[s_document.IndexOf($"\n## {section}\n", StringComparison.Ordinal)..];
        int end = text.IndexOf("\n## ", 4, StringComparison.Ordinal);
        return text[..(end < 0 ? text.Length : end)].Split('\n').Where(line => line.StartsWith("| `", StringComparison.Ordinal)).Select(line => line.Split('|')[1].Trim());
    }

    [GeneratedRegex("--[a-z-]+")]
    private static partial Regex LongOption();
}
