using CsCheck;
using Ote.Cluster.Routing;

namespace Ote.Tests.Cluster.Routing;

public sealed class ClusterSelectorTests
{
    [Theory]
    [InlineData("c1", "c1", "c10 abc1 c1-test")]
    [InlineData("c1,c2", "c1 c2", "c10 c12")]
    [InlineData("c1*", "c1 c10 c1-test", "abc1")]
    [InlineData("c?", "c1 c9", "c c10")]
    [InlineData("*", "c1 anything", "")]
    [InlineData("***", "c1 anything", "")]
    [InlineData("*-*-*", "a-b-c a--b", "a-b")]
    [InlineData("a*a", "aa aba", "a ab")]
    [InlineData("has", "has", "c1")]
    [InlineData("in,notin", "in notin", "c1")]
    [InlineData("!(c1)", "c10", "c1")]
    [InlineData("!(c1,c2)&c*", "c3", "c1 c2 d3")]
    [Trait("Defect", "R1")]
    public void Names_match_whole_or_not_at_all(string text, string matching, string others)
    {
        var selector = ClusterSelector.Parse(text);
        Assert.All(Words(matching), name => Assert.True(selector.Matches(name, TagSet.Empty), name));
        Assert.All(Words(others), name => Assert.False(selector.Matches(name, TagSet.Empty), name));
    }

    [Theory]
    [InlineData("*tagA*", "tagA", true)]
    [InlineData("*tagA*", "zone=xtagA9", true)]
    [InlineData("*tagA*", "tagA=1", true)]
    [InlineData("*tagA*", "taga", false)]
    [InlineData("tag?", "tagA", true)]
    [InlineData("tag?", "tagAB", false)]
    [InlineData("has(tagA)", "tagA=5", true)]
    [InlineData("!tagA", "tagA=5", false)]
    [InlineData("!tagA", "tagB", true)]
    [InlineData("tagA=*", "tagA", false)]
    [InlineData("tagA=5", "tagA=50", false)]
    [InlineData("tagA!=5", "tagA=5", false)]
    [InlineData("tagA!=5", "tagA=50", true)]
    [InlineData("tagA!=5", "tagB", true)]
    [InlineData("tagA in (4,5)", "tagA=5", true)]
    [InlineData("tagA in(4 , 5 )", "tagA=5", true)]
    [InlineData("tagA in (4?)", "tagA=5", false)]
    [InlineData("tagA notin (4,5)", "tagA=5", false)]
    [InlineData("tagA notin (4,5)", "tagB", true)]
    [InlineData("has=1", "has=1", true)]
    [InlineData("in in (in)", "in=in", true)]
    [InlineData("x.io/a=1", "x.io/a=1", true)]
    [Trait("Defect", "R2")]
    public void Tags_match_whole_or_not_at_all(string text, string tag, bool expected) =>
        Assert.Equal(expected, ClusterSelector.Parse(text).Matches("c1", [tag]));

    [Fact]
    [Trait("Defect", "R3")]
    public void A_dot_is_a_dot() => Assert.False(ClusterSelector.Parse(".*").Matches("c1", ["k=v"]));

    [Theory]
    [InlineData("a,b&c", "a,b&c")]
    [InlineData("a,b&!gpu,c", "a,c,b&!gpu")]
    [InlineData("(a,b)&!gpu", "(a,b)&!gpu")]
    [InlineData("((a))", "a")]
    [InlineData("b , a,b", "a,b")]
    [InlineData("*&a", "a")]
    [InlineData("a,*", "*")]
    [InlineData("!!a*", "a*")]
    [InlineData("!(!(a))", "a")]
    [InlineData("!(k=v)", "k!=v")]
    [InlineData("!(k in (b,a))", "k notin (a,b)")]
    [InlineData("k in (v)", "k=v")]
    [InlineData("!has(k)", "!k")]
    [InlineData("!(a,b*)", "!(a,b*)")]
    public void Or_binds_weaker_than_and_and_the_canonical_text_shows_it(string text, string canonical) =>
        Assert.Equal(canonical, ClusterSelector.Parse(text).Canonical);

    [Theory]
    [InlineData("^c1", 0, "regular expressions are not used")]
    [InlineData("c1$", 2, "regular expressions are not used")]
    [InlineData("c[12]", 1, "regular expressions are not used")]
    [InlineData("c1|c2", 2, "regular expressions are not used")]
    [InlineData("c1+", 2, "regular expressions are not used")]
    [InlineData("c\\d", 1, "regular expressions are not used")]
    [InlineData("c{2}", 1, "regular expressions are not used")]
    [InlineData("c1,", 3, "the selector ends here")]
    [InlineData("c1&", 3, "the selector ends here")]
    [InlineData(",c1", 0, "expected a cluster name")]
    [InlineData("c1 c2", 3, "expected '&' or ','")]
    [InlineData("(c1", 3, "')'")]
    [InlineData("c1)", 2, "expected '&' or ','")]
    [InlineData("()", 1, "expected a cluster name")]
    [InlineData("C1", 0, "cluster name 'C1'")]
    [InlineData("tagA", 0, "if 'tagA' is a tag, write has(tagA)")]
    [InlineData("c1,-x", 3, "starts with '-'")]
    [InlineData("k=", 2, "expected a value")]
    [InlineData("k==v", 2, "expected a value")]
    [InlineData("k!v", 1, "found '!'")]
    [InlineData("k in bj", 5, "'('")]
    [InlineData("k in ()", 6, "expected a value")]
    [InlineData("k in (a", 7, "')'")]
    [InlineData("k*=v", 0, "a tag key cannot have wildcards")]
    [InlineData("-k=v", 0, "not a tag key")]
    [InlineData("k=-v", 2, "not a tag value")]
    [InlineData("!k=v", 2, "write k!=value")]
    [InlineData("has()", 4, "expected a tag key")]
    [InlineData("has(k", 5, "')'")]
    [InlineData("!", 1, "the selector ends here")]
    [InlineData("c\u0007", 1, "U+0007")]
    [InlineData("集群", 0, "found '集'")]
    public void A_fault_is_told_with_its_position(string text, int position, string message)
    {
        Assert.False(ClusterSelector.TryParse(text, out _, out var error));
        Assert.Equal(position, error!.Position);
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData(" \t\n")]
    [Trait("Defect", "R4")]
    public void Empty_is_an_error_that_advises_the_star(string? text)
    {
        Assert.False(ClusterSelector.TryParse(text, out _, out var error));
        Assert.Contains("write * to select every cluster", error!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Length_and_depth_have_bounds()
    {
        Assert.False(ClusterSelector.TryParse(new string('a', ClusterSelector.MaxLength + 1), out _, out var tooLong));
        Assert.Contains("select by tag", tooLong!.Message, StringComparison.Ordinal);
        Assert.False(ClusterSelector.TryParse(new string('a', 500), out _, out var longWord));
        Assert.Contains("a word of 500 characters", longWord!.Message, StringComparison.Ordinal);

        int deepest = ClusterSelector.MaxDepth - 1;
        Assert.True(ClusterSelector.TryParse(new string('(', deepest) + "a" + new string(')', deepest), out _, out _));
        Assert.False(ClusterSelector.TryParse(new string('(', deepest + 1) + "a", out _, out var tooDeep));
        Assert.Contains("nested parentheses", tooDeep!.Message, StringComparison.Ordinal);
        Assert.False(ClusterSelector.TryParse(new string('(', 100_000), out _, out _));
        Assert.False(ClusterSelector.TryParse(new string('!', 100_000), out _, out _));
    }

    [Fact]
    public void A_list_of_names_knows_that_it_is_one()
    {
        Assert.Equal(["a", "b"], ClusterSelector.Parse("b,(a,b)").ExactNames);
        Assert.Null(ClusterSelector.Parse("a,b*").ExactNames);
        Assert.Null(ClusterSelector.Parse("!(a)").ExactNames);
        Assert.Equal("a,b", ClusterSelector.OfNames(["b", "a", "b"]).Canonical);
        Assert.Throws<ArgumentException>(() => ClusterSelector.OfNames([]));
        Assert.Throws<ArgumentException>(() => ClusterSelector.OfNames(["a*"]));
        Assert.Throws<ArgumentException>(() => ClusterSelector.OfNames(Enumerable.Range(0, 20_000).Select(i => $"a-name-of-some-length-{i}")));
    }

    [Fact]
    public void Canonical_text_means_the_same_and_is_its_own_canonical_text() => Gen.Select(Texts(3), Clusters).Sample((text, clusters) =>
    {
        var selector = ClusterSelector.Parse(text);
        var again = ClusterSelector.Parse(selector.Canonical);
        return again.Canonical == selector.Canonical
            && clusters.All(c => selector.Matches(c.Item1, c.Item2) == again.Matches(c.Item1, c.Item2));
    });

    [Fact]
    public void Any_text_is_a_selector_or_has_a_position_in_it() => Gen.Char["ab*?!()&,= hasin1.$\u0000é"].Array[0, 20].Sample(signs =>
    {
        string text = new(signs);
        return ClusterSelector.TryParse(text, out _, out var error) || (error.Position >= 0 && error.Position <= text.Length && error.Message.Length > 0);
    });

    [Fact]
    [Trait("Defect", "R5")]
    public void A_selector_is_compiled_once_and_nothing_more_for_each_cluster_it_is_held_against()
    {
        var selector = ClusterSelector.Parse("(c*-*9,x?y*z)&tier=e*&!has(old)&zone in (a*,b)");
        Assert.True(TagSet.TryCreate(["tier=edge", "zone=ab", "site"], out var tags, out _));
        string[] names = [.. Enumerable.Range(0, 10_000).Select(i => $"c-{i}")];
        Assert.Equal(1000, Count()); // what is made at first use is made
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Equal(1000, Count());
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1000); // ten thousand patterns would be megabytes

        int Count()
        {
            var count = 0;
            foreach (var name in names)
            {
                count += selector.Matches(name, tags) ? 1 : 0;
            }

            return count;
        }
    }

    [Fact]
    [Trait("Defect", "R5")]
    public void A_hop_that_resolves_a_selector_makes_nothing_for_clusters_that_are_not_meant()
    {
        var few = Table(10);
        var many = Table(10_000);
        var selector = ClusterSelector.Parse("*x*y*,other?");
        Resolve(few);
        Resolve(many);
        Assert.InRange(Resolve(many) - Resolve(few), 0, 1000);

        long Resolve(RouteTable table)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            Assert.Equal(0, table.Resolve(selector).Count);
            return GC.GetAllocatedBytesForCurrentThread() - before;
        }
    }

    private static RouteTable Table(int clusters)
    {
        var table = new RouteTable(RouteTableTesting.Entry("root", ""));
        RouteTableTesting.Tree(table, "a", Enumerable.Range(0, clusters).Select(i => $"c{i}"));
        return table;
    }

    private static readonly Gen<string> Word = OneOf("a", "b", "ab", "in", "has");

    private static readonly Gen<(string, TagSet)[]> Clusters = Gen.Select(Word, OneOf<string[]>([], ["a"], ["a=b"], ["a=ab", "b"], ["in=a", "has=b"], ["has", "ab=in"]))
        .Select((name, tags) => (name, TagSet.Of(tags))).Array[6];

    private static Gen<string> Texts(int depth)
    {
        var leaf = Gen.Select(Gen.Int[0, 9], Word, Word, Word).Select((kind, k, v, w) => kind switch
        {
            0 => k,
            1 => k + "*",
            2 => "?" + k,
            3 => "*",
            4 => $"has({k})",
            5 => $"!{k}",
            6 => $"{k}={v}",
            7 => $"{k}!={v}*",
            8 => $"{k} in ({v},{w})",
            _ => $"{k} notin ( {v} ,{w}?)",
        });
        return depth == 0
            ? leaf
            : Gen.OneOf(
                leaf,
                Texts(depth - 1).Array[1, 3].Select(t => $"({string.Join(",", t)})"),
                Texts(depth - 1).Array[1, 3].Select(t => string.Join(" & ", t)),
                Texts(depth - 1).Select(t => $"!({t})"));
    }

    private static Gen<T> OneOf<T>(params T[] values) => Gen.Int[0, values.Length - 1].Select(i => values[i]);

    private static string[] Words(string text) => text.Split(' ', StringSplitOptions.RemoveEmptyEntries);
}
