using System.Globalization;
using System.Text.Json.Nodes;
using Ote.Cluster.Handling;
using Ote.Cluster.Routing;
using Ote.Kube.Objects;
using Ote.Protocol.Reports;

namespace Ote.Tests.Cluster.Handling;

public sealed class SubtreeSumsTests
{
    private readonly Dictionary<string, RouteEntry> _known = new(StringComparer.Ordinal);
    private readonly SubtreeSums _sums = new();

    [Fact]
    public void What_a_leaf_has_is_in_the_sums_of_all_above_it()
    {
        Put("root", "");
        Put("north", "root");
        Put("c1", "north", nodes: 2, milliCpu: 4000);
        Put("c2", "north", nodes: 3, milliCpu: 1500);
        Assert.Equal("4 of 4 clusters, 5 nodes, cpu 5500m", Shown("root"));
        Assert.Equal("3 of 3 clusters, 5 nodes, cpu 5500m", Shown("north"));
        Assert.Null(_sums.Of("c1")); // its own figures are in its status
    }

    [Fact]
    public void A_branch_that_moves_takes_its_sum_along_and_one_that_is_away_is_counted_and_not_summed()
    {
        Put("root", "");
        Put("north", "root");
        Put("south", "root");
        Put("hub", "north");
        Put("c1", "hub", nodes: 2, milliCpu: 1000);
        Put("hub", "south");
        Assert.Null(_sums.Of("north"));
        Assert.Equal("3 of 3 clusters, 2 nodes, cpu 1", Shown("south"));
        Put("c1", "hub", nodes: 2, milliCpu: 1000, online: false);
        Assert.Equal("2 of 3 clusters, 0 nodes, cpu -", Shown("south"));
        Assert.Equal("4 of 5 clusters, 0 nodes, cpu -", Shown("root"));
    }

    [Fact]
    public void What_a_managed_cluster_had_last_that_does_not_answer_is_in_no_sum_until_it_does()
    {
        Put("root", "");
        Put("c1", "root", nodes: 2, milliCpu: 1000);
        Put("c2", "root", nodes: 1, milliCpu: 500);
        foreach (var (answers, shown) in new[] { (false, "3 of 3 clusters, 1 nodes, cpu 500m"), (true, "3 of 3 clusters, 3 nodes, cpu 1500m") })
        {
            _known["c1"] = _known["c1"] with { Local = _known["c1"].Local! with { IsReachable = answers } };
            Assert.Equal(["c1", "root"], _sums.Update(["c1"], n => _known.GetValueOrDefault(n)).Order());
            Assert.Equal(shown, Shown("root"));
        }
    }

    [Fact]
    public void Children_that_are_known_before_their_parent_are_counted_when_it_comes()
    {
        Put("c1", "north", nodes: 1);
        Put("root", "");
        Put("north", "root");
        Assert.Equal("3 of 3 clusters, 1 nodes, cpu -", Shown("root"));
    }

    [Fact]
    public void Who_is_told_of_are_those_above_alone()
    {
        Put("root", "");
        Put("north", "root");
        Put("south", "root");
        Assert.Equal(["c1", "north", "root"], Put("c1", "north", nodes: 1).Order(StringComparer.Ordinal));
        Assert.Empty(Put("c1", "north", nodes: 1)); // as it was
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Whatever_moves_in_whatever_order_the_sums_are_those_of_an_addition(int seed)
    {
        var random = new Random(seed);
        var names = Enumerable.Range(0, 30).Select(i => string.Create(CultureInfo.InvariantCulture, $"c{i}")).ToArray();
        for (var step = 0; step < 2000; step++)
        {
            var touched = new List<string>();
            for (var i = random.Next(1, 5); i > 0; i--)
            {
                var name = names[random.Next(names.Length)];
                touched.Add(name);
                var parent = random.Next(5) == 0 ? "root" : names[random.Next(names.Length)];
                if (random.Next(6) == 0)
                {
                    _known.Remove(name);
                }
                else if (!IsBelow(parent, name))
                {
                    _known[name] = Entry(name, parent, random.Next(4), random.Next(3) * 500, random.Next(4) > 0);
                }
            }

            _sums.Update(touched, name => _known.GetValueOrDefault(name));
            var looked = names[random.Next(names.Length)];
            var below = _known.Values.Where(e => e.Name == looked || IsBelow(e.Name, looked)).ToArray();
            Assert.Equal(below.Length > 1 ? Added(below) : null, _sums.Of(looked) is null ? null : Shown(looked));
        }
    }

    private static string Added(RouteEntry[] entries)
    {
        var online = entries.Where(e => e.Online).ToArray();
        var cpu = online.Sum(e => e.Local!.Figures!.Resources.Sum(r => r.Capacity));
        return $"{online.Length} of {entries.Length} clusters, {online.Sum(e => e.Local!.Figures!.Nodes)} nodes, cpu {(cpu == 0 ? "-" : ResourceText.Of("cpu", cpu))}";
    }

    private static RouteEntry Entry(string name, string parent, int nodes, int milliCpu, bool online)
    {
        var figures = new ClusterSummary { Nodes = (uint)nodes };
        if (milliCpu > 0)
        {
            figures.Resources.Add(new ResourceFigures { Name = "cpu", Capacity = milliCpu });
        }

        return new RouteEntry { Name = name, Uid = "u-" + name, Parent = parent, Online = online, Managed = true, Local = new LocalReport(true, "", 0, "", figures) };
    }

    private bool IsBelow(string name, string ancestor)
    {
        for (var at = name; _known.TryGetValue(at, out var entry); at = entry.Parent)
        {
            if (entry.Parent == ancestor)
            {
                return true;
            }
        }

        return name == ancestor;
    }

    private IReadOnlyCollection<string> Put(string name, string parent, int nodes = 0, int milliCpu = 0, bool online = true)
    {
        _known[name] = Entry(name, parent, nodes, milliCpu, online);
        return _sums.Update([name], n => _known.GetValueOrDefault(n));
    }

    private string Shown(string name)
    {
        var status = new JsonObject();
        ClusterStatus.WriteSubtree(status, _sums.Of(name)!.Value.Sum);
        var sum = (JsonObject)status["subtree"]!;
        return $"{sum.Whole("clusters", "online")} of {sum.Whole("clusters", "total")} clusters, {sum.Whole("nodes", "total")} nodes, cpu {sum.Text("capacity", "cpu") ?? "-"}";
    }
}
