using Ote.Cluster.Commands;
using Ote.Protocol.Tunnel;

namespace Ote.Tests.Cluster.Commands;

public sealed class WorkTests
{
    [Fact]
    public void Results_wait_for_company_until_the_last_has_come()
    {
        var work = Begun("a", "b");
        work.Take([Objects.Receipt("a", Stage.Executed, 200)]);
        Assert.False(work.IsWorthStoring);
        work.Take([Objects.Receipt("b", Stage.Executed, 200)]);
        Assert.True(work.IsWorthStoring);
    }

    [Fact]
    public void Results_that_fill_a_page_wait_for_nothing()
    {
        string[] names = [.. Enumerable.Range(0, ResultPages.MostItems + 1).Select(i => $"c{i}")];
        var work = Begun(names);
        foreach (var name in names.Take(ResultPages.MostItems - 1))
        {
            work.Take([Objects.Receipt(name, Stage.Executed, 200)]);
        }

        Assert.False(work.IsWorthStoring);
        work.Take([Objects.Receipt(names[^2], Stage.Executed, 200)]);
        Assert.True(work.IsWorthStoring);
        Assert.Equal(ResultPages.MostItems, work.ToStore()!.Count);
        Assert.False(work.IsWorthStoring);
    }

    [Fact]
    public void Nothing_waits_once_the_object_is_gone()
    {
        var work = Begun("a", "b");
        work.Take([Objects.Receipt("a", Stage.Executed, 200)]);
        work.Detach();
        Assert.Null(work.ToStore());
    }

    private static Work Begun(params string[] targets)
    {
        var work = new Work("default/cmd", "0123456789ab", TimeSpan.FromMinutes(5));
        work.Begin(3, Objects.Run(targets), new ResultPages(Objects.Command(), 3));
        return work;
    }
}
