using Ote.Kube.Objects;
using Ote.SystemTests.Kubernetes;
using Ote.SystemTests.Tree;

namespace Ote.SystemTests.Messages;

/// <summary>Two sites below one parent, as processes, and the parent is killed.</summary>
public sealed class LateralLinkTests : IAsyncDisposable
{
    private readonly RoleProcesses _tree = new("lateral", Ct);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Message_betweenSitesWithALateralLink_arrivesThoughTheirParentIsKilled_andWithoutThePermissionItWaits()
    {
        string[] addresses = RoleProcesses.Addresses(5);
        await _tree.StartRootAsync(addresses[0], addresses[1]);
        ProductProcess north = await StartAsync("north", addresses[0], "--listen", addresses[2]);
        await StartAsync("s1", addresses[2], "--listen", addresses[3], "--message-socket", _tree["s1.sock"]);
        await StartAsync("s2", addresses[2], "--listen", addresses[4], "--message-socket", _tree["s2.sock"]);
        await StartAsync("s3", addresses[2], "--message-socket", _tree["s3.sock"]);
        foreach (string site in (string[])["s1", "s2", "s3"])
        {
            await _tree.ClusterAsync("root", site, "online");
            await _tree.OtectlAsync("root", "pin", site); // so that it goes nowhere else
            await _tree.UntilAsync("root", Kinds.Clusters, null, site, c => c.IsTrue("PlacementInForce"));
        }

        Assert.Contains("cluster s1 may have lateral links with s2", await _tree.OtectlAsync("root", "lateral", "s1", "s2"), StringComparison.Ordinal);
        await _tree.UntilAsync(
            async () => (await _tree.OtectlAsync("root", "describe", "cluster", "s1")).Contains("Lateral:      s2: up", StringComparison.Ordinal), () => "the link to be shown");
        await north.KillAsync();

        (await _tree.TryOtectlAsync("send", "s2", "--topic", "stock", "--data", "red shoes: 3", "--socket", _tree["s1.sock"])).Succeeded();
        string got = await ReceiveAsync("s2");
        Assert.Contains("s1", got, StringComparison.Ordinal);
        Assert.Contains("stock", got, StringComparison.Ordinal);

        CommandResult waits = await _tree.TryOtectlAsync("send", "s3", "--topic", "stock", "--data", "x", "--timeout", "5s", "--socket", _tree["s1.sock"]);
        Assert.NotEqual(0, waits.ExitCode);
        await north.StartAsync(); // the tree carries it
        await _tree.UntilAsync(async () => (await ReceiveAsync("s3")).Contains("s1", StringComparison.Ordinal), () => "the message over the tree");
    }

    public ValueTask DisposeAsync() => _tree.DisposeAsync();

    private async Task<ProductProcess> StartAsync(string name, string parent, params string[] arguments) =>
        await _tree.StartAsync(name, "ready ", [.. await _tree.JoiningAsync(name, parent, "--auto-accept"), .. arguments]);

    private async Task<string> ReceiveAsync(string site) => (await _tree.TryOtectlAsync("receive", "--socket", _tree[$"{site}.sock"], "-o", "json")).Succeeded().Out;
}
