using Ote.EdgeHub.Witness;

namespace Ote.Tests.EdgeHub.Witness;

public sealed class SiteRingTests
{
    private static readonly string[] s_site = [.. Enumerable.Range(0, 100).Select(i => $"n{i:00}")];

    [Fact]
    public void The_next_five_are_asked_round_about() => Assert.Equal(["n98", "n99", "n00", "n01", "n02"], SiteRing.Asked(s_site, "n97", _ => false));

    [Fact]
    public void Beyond_those_that_are_silent_as_many_more_are() => Assert.Equal(["n11", "n12", "n13", "n14", "n15", "n16", "n17"], SiteRing.Asked(s_site, "n10", name => name is "n11" or "n13"));

    [Fact]
    public void Of_a_site_that_is_silent_no_more_than_thirty_are() => Assert.Equal(SiteRing.Most, SiteRing.Asked(s_site, "n50", _ => true).Count);

    [Fact]
    public void Each_is_asked_by_five() =>
        Assert.All(s_site.SelectMany(one => SiteRing.Asked(s_site, one, _ => false)).GroupBy(name => name), asked => Assert.Equal(SiteRing.Wanted, asked.Count()));

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(4)]
    public void Of_few_each_of_the_others_is_asked_once(int others)
    {
        var site = s_site[..(others + 1)];
        Assert.Equal(site[..^1], SiteRing.Asked(site, site[^1], _ => false));
    }
}
