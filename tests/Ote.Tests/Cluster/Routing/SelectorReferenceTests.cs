using System.Globalization;
using System.Runtime.CompilerServices;
using Ote.Cluster.Routing;

namespace Ote.Tests.Cluster.Routing;

/// <summary>docs/reference/selectors.md says what selectors mean.</summary>
public sealed class SelectorReferenceTests
{
    private static readonly string[] Lines = File.ReadAllLines(PathOf());

    [Fact]
    public void Every_example_selects_the_clusters_beside_it()
    {
        var clusters = Fence("clusters").Select(Words).Select(words => (Name: words[0], Tags: TagSet.Of(words.Skip(1)))).ToArray();
        var examples = Fence("selectors").ToArray();
        Assert.True(clusters.Length > 5 && examples.Length > 25);
        Assert.All(examples, line =>
        {
            int bar = line.LastIndexOf('|');
            var selector = ClusterSelector.Parse(line[..bar]);
            Assert.Equal(Words(line[(bar + 1)..]), clusters.Where(c => selector.Matches(c.Name, c.Tags)).Select(c => c.Name));
        });
    }

    [Fact]
    public void Bounds_are_those_of_the_program()
    {
        string text = string.Join(' ', Lines);
        Assert.Contains(string.Create(CultureInfo.InvariantCulture, $"at most {ClusterSelector.MaxLength:N0} characters and {ClusterSelector.MaxDepth} nested"), text, StringComparison.Ordinal);
        Assert.Contains($"at most {TagSet.MaxCount} tags", text, StringComparison.Ordinal);
        Assert.Contains($"1 to {Tag.MaxLength} characters", text, StringComparison.Ordinal);
        Assert.Contains($"1 to {ClusterName.MaxLength} characters of `a-z`", text, StringComparison.Ordinal);
    }

    private static IEnumerable<string> Fence(string kind) => Lines.SkipWhile(l => l != "```" + kind).Skip(1).TakeWhile(l => l != "```");

    private static string[] Words(string text) => text.Split(' ', StringSplitOptions.RemoveEmptyEntries);

    private static string PathOf([CallerFilePath] string here = "") =>
        Path.Combine(Path.GetDirectoryName(here)!, "..", "..", "..", "..", "docs", "reference", "selectors.md");
}
