using System.Text.RegularExpressions;

namespace Ote.Tests.Docs;

/// <summary>docs/operate/testing.md names each environment variable that the tests, their scripts and the launcher read, and no other.</summary>
public sealed partial class TestingDocumentTests
{
    private static readonly string Section = File.ReadAllText(Path.Combine(ReviewedText.Root, "docs", "operate", "testing.md")).Split("\n## Environment variables\n")[1].Split("\n## ")[0];

    [Fact]
    public void Every_variable_that_is_read_is_in_the_document_and_the_reverse()
    {
        string[] documented = [.. Section.Split('\n').Where(line => line.StartsWith("| `", StringComparison.Ordinal)).SelectMany(line => Name().Matches(line.Split('|')[1])).Select(match => match.Value)];
        string[] sources = [.. Sources().Select(File.ReadAllText)];
        var own = sources.SelectMany(text => Assigned().Matches(text)).Select(match => match.Groups[1].Value).ToHashSet(StringComparer.Ordinal);
        string[] read = [.. sources.SelectMany(text => Name().Matches(text)).Select(match => match.Value).Where(name => !own.Contains(name)).Distinct()];

        // A name that ends in _ is the beginning of several.
        static bool Means(string read, string documented) => read == documented || (read.EndsWith('_') && documented.StartsWith(read, StringComparison.Ordinal));
        Assert.NotEmpty(documented);
        Assert.All(documented, name => Assert.Contains(read, r => Means(r, name)));
        Assert.All(read, name => Assert.Contains(documented, d => Means(name, d)));
    }

    private static IEnumerable<string> Sources() =>
        Directory.EnumerateFiles(Path.Combine(ReviewedText.Root, "tests"), "*.cs", SearchOption.AllDirectories)
            .Where(file => Path.GetFileName(file) != $"{nameof(TestingDocumentTests)}.cs")
            .Concat(Directory.EnumerateFiles(Path.Combine(ReviewedText.Root, "eng"), "*", SearchOption.AllDirectories))
            .Append(Path.Combine(ReviewedText.Root, "ote"));

    [GeneratedRegex("OTE_[A-Z_]+")]
    private static partial Regex Name();

    [GeneratedRegex("^(OTE_[A-Z_]+)=", RegexOptions.Multiline)]
    private static partial Regex Assigned();
}
