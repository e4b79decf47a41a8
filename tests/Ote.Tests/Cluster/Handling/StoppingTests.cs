namespace Ote.Tests.Cluster.Handling;

/// <summary>What an ordinary stop leaves in the log.</summary>
public sealed class StoppingTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Controller_that_is_stopped_warns_of_no_lost_parent_and_its_parent_does()
    {
        using var heard = new Heard();
        await using var tree = new SmallTree { Loggers = heard };
        await tree.StartRootAsync(Ct);
        await tree.AddAsync("c1", "root", [], Ct);
        await tree.ClusterIsAsync("c1", "online", Ct);
        await tree.StopAsync("c1");
        Assert.Equal("Information 2305 Parent root lost: stopping ", await heard.UntilAsync("Parent root lost"));
        Assert.StartsWith("Debug 2003 Link to parent root", await heard.UntilAsync("Link to parent root"), StringComparison.Ordinal);
        Assert.StartsWith("Warning 2303 Cluster c1 is no longer attached", await heard.UntilAsync("c1 is no longer attached"), StringComparison.Ordinal);
    }
}
