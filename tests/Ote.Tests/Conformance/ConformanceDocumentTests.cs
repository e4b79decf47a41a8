using Ote.Conformance;
using Ote.Conformance.Comparing;
using Ote.Conformance.Reviewing;
using Ote.Conformance.Statements;

namespace Ote.Tests.Conformance;

/// <summary>docs/reference/conformance.md says of the script, the rules and the reviewed differences what is the case.</summary>
public sealed class ConformanceDocumentTests
{
    private const string Page = "docs/reference/conformance.md";
    private const string Mark = "<!-- made by ConformanceDocumentTests; OTE_UPDATE_REVIEWED=1 makes it anew -->\n";

    private static readonly Statement[] s_commands = [.. StatementReader.ReadAll(ConformanceRun.ScriptFolder).Where(s => s.Kind == StatementKind.Command)];
    private static readonly ReviewedList s_list = ReviewedList.Read(File.ReadAllText(ConformanceRun.ReviewedFile));

    [Fact]
    public void Page_has_the_counts_and_the_reviewed_list_with_its_reasons()
    {
        string path = Path.Combine(ReviewedText.Root, Page);
        string text = File.ReadAllText(path);
        string head = text.Split(Mark)[0];
        if (Environment.GetEnvironmentVariable("OTE_UPDATE_REVIEWED") == "1")
            File.WriteAllText(path, text = head + Mark + Tables());
        Assert.Equal(head + Mark + Tables(), text);
    }

    [Fact]
    public void Script_is_long_and_few_of_its_commands_differ()
    {
        Assert.True(s_commands.Length >= 200, $"{s_commands.Length} commands");
        Assert.True(s_list.Entries.Count * 10 <= s_commands.Length, $"{s_list.Entries.Count} reviewed differences of {s_commands.Length} commands are more than a tenth");
        Assert.Equal(s_commands.Length, s_commands.Select(s => s.Name).Distinct().Count());
    }

    [Fact]
    public void Reviewed_difference_is_of_a_command_of_the_script_and_each_reason_is_used()
    {
        Assert.All(s_list.Entries, entry => Assert.Contains(s_commands, s => s.Name == entry.Command && entry.Hashes.Keys.All(s.Runs)));
        Assert.Equal(s_list.Reasons.Keys.Order(StringComparer.Ordinal), s_list.Entries.Select(entry => entry.Reason).Distinct().Order(StringComparer.Ordinal));
    }

    private static string Tables()
    {
        IEnumerable<string> sections = s_commands.GroupBy(s => s.Section).Select(section =>
            $"| {section.Key} | {section.Count()} | {s_list.Entries.Count(entry => section.Any(s => s.Name == entry.Command))} |");
        IEnumerable<string> reasons = s_list.Reasons.Select(reason =>
            $"\n### {s_list.Entries.Count(e => e.Reason == reason.Key)}: {reason.Key}\n\n{reason.Value}\n\n{string.Join('\n', s_list.Entries.Where(e => e.Reason == reason.Key).Select(e => $"- `{e.Command}`"))}\n");
        return $"""

            ## The commands

            | section | commands | of which differ on purpose |
            |---|---:|---:|
            {string.Join('\n', sections)}
            | **all** | **{s_commands.Length}** | **{s_list.Entries.Count}** |

            ## What is not compared

            {string.Join("; ", Normaliser.Rules.Select(rule => rule.Name))}.

            ## What differs on purpose
            {string.Concat(reasons)}
            """;
    }
}
