using System.Globalization;
using Ote.Center.Up;

namespace Ote.Tests.Center.Up;

public sealed class TreePlanTests
{
    private static readonly (string Name, string Kubeconfig)[] s_real = [("a", "a.conf"), ("c5", "c5.conf"), ("c60", "c60.conf")];

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Tree_that_grows_leaves_everyone_where_it_was(bool withReal)
    {
        var former = Places(0, withReal);
        for (var leaves = 1; leaves <= 400; leaves++)
        {
            var grown = Places(leaves, withReal);
            Assert.Empty(former.Except(grown));
            former = grown;
        }

        Assert.Empty(former.Except(Places(5000, withReal)));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Everyone_but_the_root_hangs_below_one_that_is_planned_before_it_and_no_name_is_used_twice(bool withReal)
    {
        for (var leaves = 0; leaves <= 400; leaves++)
        {
            var known = new HashSet<string>(StringComparer.Ordinal);
            var plan = TreePlan.Make(leaves, withReal ? s_real : []);
            foreach (var cluster in plan)
            {
                Assert.True(cluster.Parent is null ? known.Count == 0 : known.Contains(cluster.Parent), $"of {leaves} leaves, {cluster.Name} hangs below {cluster.Parent}, which is not there");
                Assert.True(known.Add(cluster.Name), $"of {leaves} leaves, two are called {cluster.Name}");
            }

            Assert.Equal(leaves + (withReal ? s_real.Length : 0), plan.Count(p => p.IsLeaf));
        }
    }

    [Theory]
    [InlineData(4, 2)]
    [InlineData(100, 2)]
    [InlineData(101, 3)]
    [InlineData(5000, 100)]
    public void Mid_level_carries_about_fifty_leaves(int leaves, int regions)
    {
        var sizes = TreePlan.Make(leaves, []).Where(p => p.IsLeaf).CountBy(p => p.Parent!).ToArray();

        Assert.Equal(regions, sizes.Length);
        Assert.All(sizes, region => Assert.InRange(region.Value, 1, 50));
    }

    [Fact]
    public void Leaf_is_tagged_with_its_region_and_a_real_one_keeps_its_kubeconfig()
    {
        var plan = TreePlan.Make(1, s_real);

        Assert.All(plan.Where(p => p.IsLeaf), leaf => Assert.Equal(["tier=edge", $"region={leaf.Parent}"], leaf.Tags));
        Assert.Equal("c5.conf", plan.Single(p => p.Name == "c5").Kubeconfig);
    }

    private static HashSet<string> Places(int leaves, bool withReal) =>
        [.. TreePlan.Make(leaves, withReal ? s_real : []).Select(p => string.Create(CultureInfo.InvariantCulture, $"{p.Name} below {p.Parent} tagged {string.Join(' ', p.Tags)} {p.Kubeconfig}"))];
}
