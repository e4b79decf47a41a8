using Ote.Kube.Server.Split;

namespace Ote.Tests.Kube.Server.Split;

/// <summary>Versions that name a revision for each shard.</summary>
public sealed class ShardVersionsTests
{
    [Fact]
    public void What_is_written_is_read_again_by_who_divides_alike_and_by_nobody_else()
    {
        var random = new Random(62);
        for (var round = 0; round < 500; round++)
        {
            var count = random.Next(1, 33);
            var versions = Enumerable.Range(0, count).Aggregate(ShardVersions.Unknown(count), (all, shard) => all.With(shard, random.Next(4) == 0 ? 0 : random.NextInt64()));
            var text = versions.ToString();
            var again = ShardVersions.Parse(text, count)!;
            Assert.Equal(Enumerable.Range(0, count).Select(s => versions[s]), Enumerable.Range(0, count).Select(s => again[s]));
            Assert.Null(ShardVersions.Parse(text, count + 1));
        }
    }

    [Fact]
    public void Of_a_single_shard_it_is_the_revision_as_it_is()
    {
        Assert.Equal("17", ShardVersions.Unknown(1).With(0, 17).ToString());
        Assert.Equal(17, ShardVersions.Parse("17", 1)![0]);
    }

    [Theory]
    [InlineData("")]
    [InlineData("17")]
    [InlineData("s")]
    [InlineData("s1")]
    [InlineData("s1.")]
    [InlineData("s1.-2")]
    [InlineData("s1.2.3")]
    [InlineData("s1.ffffffffffffffff")]
    [InlineData("s1.fffffffffffffffff")]
    [InlineData("t1.2")]
    public void What_is_no_version_of_two_shards_is_none(string text) => Assert.Null(ShardVersions.Parse(text, 2));
}
