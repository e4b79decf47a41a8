using Ote.Cluster.Handling;
using Ote.Cluster.Journal;
using Ote.Cluster.Routing;

namespace Ote.Tests.Cluster.Handling;

public sealed class OwnTagsTests
{
    private readonly MemoryJournal _journal = new();

    [Fact]
    public async Task Tags_set_at_run_time_outlive_a_restart()
    {
        var tags = OwnTags.Load(_journal, ["region=bj"]);
        Assert.Equal(["region=bj"], tags.Current);
        await tags.SetAsync(TagSet.Of("region=sh", "gpu"), 2);
        Assert.Equal(["gpu", "region=sh"], tags.Current);
        Assert.Equal(["gpu", "region=sh"], OwnTags.Load(_journal, ["region=bj"]).Current);
    }

    [Fact]
    public async Task Other_start_options_are_a_new_wish()
    {
        await OwnTags.Load(_journal, ["region=bj"]).SetAsync(TagSet.Of("region=sh"), 2);
        Assert.Equal(["region=xa"], OwnTags.Load(_journal, ["region=xa"]).Current);
        Assert.Empty(OwnTags.Load(_journal, []).Current);
    }

    [Fact]
    public async Task Taking_all_tags_away_also_outlives_a_restart()
    {
        await OwnTags.Load(_journal, ["region=bj"]).SetAsync(TagSet.Empty, 2);
        Assert.Empty(OwnTags.Load(_journal, ["region=bj"]).Current);
    }

    [Fact]
    public void A_wrong_start_tag_is_told_with_its_option()
    {
        var refused = Assert.Throws<ClusterControllerException>(() => OwnTags.Load(_journal, ["region=b j"]));
        Assert.StartsWith("--tag: ", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_journal_that_fails_leaves_the_tags_as_they_were()
    {
        var tags = OwnTags.Load(new FailingJournal(_journal) { Fails = true }, ["region=bj"]);
        await Assert.ThrowsAsync<JournalException>(() => tags.SetAsync(TagSet.Of("gpu"), 2));
        Assert.Equal(["region=bj"], tags.Current);
    }
}
