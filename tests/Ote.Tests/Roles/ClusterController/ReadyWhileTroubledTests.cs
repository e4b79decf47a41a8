using Ote.Cluster.Handling;
using Ote.Cluster.Journal;
using Ote.Roles.ClusterController;
using Ote.Tests.Cluster.Handling;

namespace Ote.Tests.Roles.ClusterController;

/// <summary>What <c>/readyz</c> says of a controller whose disk takes no more.</summary>
public sealed class ReadyWhileTroubledTests
{
    private static readonly ClusterControllerOptions Root = new() { Name = "root", DataDirectory = "/d" };

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Root_whose_store_cannot_write_is_not_ready_and_names_the_cause()
    {
        await using var tree = await SmallTree.StartAsync(Ct);
        await tree.ClusterIsAsync("root", "online", Ct); // its control API has answered
        Assert.True(tree["root"].IsReady);
        Assert.Null(ClusterControllerRole.WhyNotReady(Root, tree["root"], null, null));
        Assert.Equal("no room is left for it", ClusterControllerRole.WhyNotReady(Root, tree["root"], null, "no room is left for it"));
    }

    [Fact]
    public async Task Cluster_whose_journal_cannot_be_written_says_so_before_anything_else_while_it_lasts()
    {
        FailingJournal? disk = null;
        await using var tree = new SmallTree { Journal = name => name == "c1" ? disk ??= new FailingJournal(new MemoryJournal()) : null };
        await tree.StartRootAsync(Ct);
        await tree.AddAsync("c1", "root", [], Ct);
        await tree.ClusterIsAsync("c1", "online", Ct);
        var options = Root with { Name = "c1", Parent = new Uri("https://root.test:8287") };
        Assert.Null(ClusterControllerRole.WhyNotReady(options, tree["c1"], null));

        disk!.Fails = true;
        await Assert.ThrowsAsync<JournalException>(() => disk.WriteAsync());
        Assert.Equal("no space left", ClusterControllerRole.WhyNotReady(options, tree["c1"], null));
        await tree.StopAsync("root");
        await SmallTree.UntilAsync(tree["c1"], c => !c.IsReady, Ct);
        Assert.StartsWith("no space left Also: there is no link to the parent", ClusterControllerRole.WhyNotReady(options, tree["c1"], null), StringComparison.Ordinal);
        disk.Fails = false;
        await disk.WriteAsync(JournalChange.Put("b", "k", []));
        Assert.StartsWith("there is no link to the parent", ClusterControllerRole.WhyNotReady(options, tree["c1"], null), StringComparison.Ordinal);
    }
}
