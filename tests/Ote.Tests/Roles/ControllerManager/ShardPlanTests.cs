using Ote.Roles.ControllerManager;

namespace Ote.Tests.Roles.ControllerManager;

/// <summary>Which cluster is of which shard, and which shard whose.</summary>
public sealed class ShardPlanTests
{
    [Fact]
    public void A_cluster_is_of_the_same_shard_everywhere_and_for_ever()
    {
        // Data directories outlast versions: another hash would have all clusters tell all of it again.
        Assert.Equal("c1:2 c2:5 north:6 store-0042:2", string.Join(' ', ((string[])["c1", "c2", "north", "store-0042"]).Select(c => $"{c}:{ShardPlan.ShardOf(c, 8)}")));
    }

    [Fact]
    public void Clusters_lie_about_evenly()
    {
        var counts = new int[8];
        foreach (var i in Enumerable.Range(0, 8000))
        {
            counts[ShardPlan.ShardOf($"store-{i:0000}", 8)]++;
        }

        Assert.All(counts, c => Assert.InRange(c, 850, 1150));
    }

    [Fact]
    public void No_two_parts_differ_by_more_than_one_shard_and_everyone_comes_to_the_same_in_whatever_order()
    {
        var random = new Random(62);
        for (var round = 0; round < 300; round++)
        {
            var shards = random.Next(1, 33);
            var members = Members(random, random.Next(1, 17));
            var owners = ShardPlan.Assign(shards, members);
            Assert.Equal(shards, owners.Count);
            var parts = members.Select(m => owners.Count(o => o == m)).ToArray();
            Assert.InRange(parts.Max() - parts.Min(), 0, 1);
            random.Shuffle(members);
            Assert.Equal(owners, ShardPlan.Assign(shards, members));
        }
    }

    [Fact]
    public void When_one_goes_or_comes_most_shards_of_the_others_stay_where_they_are()
    {
        var random = new Random(63);
        var (stayed, all) = (0, 0);
        for (var round = 0; round < 300; round++)
        {
            var members = Members(random, random.Next(2, 9));
            var (before, after) = (ShardPlan.Assign(32, members), ShardPlan.Assign(32, members[1..]));
            foreach (var shard in Enumerable.Range(0, 32).Where(s => before[s] != members[0]))
            {
                all++;
                stayed += before[shard] == after[shard] ? 1 : 0;
            }
        }

        Assert.InRange(stayed, all * 8 / 10, all);
    }

    [Fact]
    public void The_two_members_of_the_system_test_have_a_cluster_each()
    {
        string[] members = [$"{2:x32}", $"{1:x32}"];
        var owners = ShardPlan.Assign(8, members);
        Assert.Equal(members, ((string[])["c1", "c2"]).Select(c => owners[ShardPlan.ShardOf(c, 8)]));
    }

    private static string[] Members(Random random, int count) => [.. Enumerable.Range(0, count).Select(_ => random.NextInt64().ToString("x16", System.Globalization.CultureInfo.InvariantCulture))];
}
