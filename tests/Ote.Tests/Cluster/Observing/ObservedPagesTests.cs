using System.Text.Json.Nodes;
using Ote.Cluster.Observing;
using Ote.Kube.Objects;
using Ote.Tests.Cluster.Commands;

namespace Ote.Tests.Cluster.Observing;

public sealed class ObservedPagesTests
{
    [Fact]
    public void A_page_is_full_below_what_an_API_server_takes_and_another_goes_on()
    {
        var pages = new ObservedPages(Objects.Command(), 3);
        var first = pages.Append(Names(0, 10), Objects.Start);
        pages.Stored(Saved(Assert.Single(first)));
        var next = pages.Append(Names(10, ObservedPages.MostItems), Objects.Start);
        Assert.Equal(["saved", ""], next.Select(p => p.ResourceVersion()));
        Assert.Equal(2, next.Select(p => p.Name()).Distinct().Count());
        Assert.All(next, page => Assert.InRange(page.ToJsonString().Length, 1, 1024 * 1024));
        Assert.Equal(Names(0, ObservedPages.MostItems + 10), ObservedPages.Read(next).Select(o => o.Cluster));
        Assert.Single(first[0].Items("observed")!.Take(1)); // what is stored is not changed behind its writer's back
        Assert.Equal(10, first[0].Items("observed")!.Count);
    }

    [Fact]
    public void Pages_go_on_behind_those_that_are_stored()
    {
        var stored = Saved(new ObservedPages(Objects.Command(), 3).Append(["a"], Objects.Start)[0]);
        var pages = new ObservedPages(Objects.Command(), 3);
        pages.Resume([stored, new JsonObject { ["results"] = new JsonArray(), ["index"] = 7 }]);
        var next = Assert.Single(pages.Append(["b"], Objects.Start.AddSeconds(1)));
        Assert.Equal([("a", Objects.Start), ("b", Objects.Start.AddSeconds(1))], ObservedPages.Read([next]));
        Assert.Equal(stored.Name(), next.Name());
    }

    private static string[] Names(int from, int count) => [.. Enumerable.Range(from, count).Select(i => $"{new string('c', 56)}{i:d7}")];

    private static JsonObject Saved(JsonObject page)
    {
        var saved = page.Copy();
        saved["metadata"]!["resourceVersion"] = "saved";
        return saved;
    }
}
