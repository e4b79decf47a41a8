using System.Text.Json.Nodes;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.SystemTests.Kubernetes;

namespace Ote.SystemTests.Tree;

/// <summary>A site joins while the root's process is dead, with real processes and otectl.</summary>
public sealed class AwayRootTests : IAsyncDisposable
{
    private readonly RoleProcesses _tree = new("away", Ct);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Site_joinsBelowNorthWhileTheRootIsDead_worksThere_andIsAdmittedByTheRootThatIsBack()
    {
        string[] addresses = RoleProcesses.Addresses(4);
        await _tree.StartAsync("own-cluster", "ready: edge cluster", "edge-cluster", "--name", "own", "--data", _tree["own"]);
        ProductProcess root = await _tree.StartRootAsync(addresses[0], addresses[1]);
        await _tree.StartAsync("north", "ready ", [.. await _tree.JoiningAsync("north", addresses[0]), "--listen", addresses[2], "--api-listen", addresses[3]]);
        await _tree.OtectlAsync("root", "issuing", "grant", "north", "--for", "1d", "--names", "shop-*");
        string[] shop =
            [.. await _tree.JoiningAsync("shop-1", addresses[2], "--issuer", "north"), "--managed-kubeconfig", Path.Combine(_tree["own"], "kubeconfig"), "--impersonate", "none"];
        await _tree.UntilAsync("root", Kinds.Clusters, null, "north", c => c.Condition("MayIssue").Text("message")?.Contains("by 1 join tokens", StringComparison.Ordinal) == true);
        await root.KillAsync();

        ProductProcess site = await _tree.StartAsync("shop-1", "ready ", shop);
        await _tree.UntilAsync("north", Kinds.Clusters, null, "shop-1", c => c.Text("status", "status") == "online" && c.IsTrue("Provisional"));
        Assert.Contains("north let it in", await _tree.OtectlAsync("north", "describe", "cluster", "shop-1"), StringComparison.Ordinal);
        await CommandAsync("north", "first");

        // Whatever dies meanwhile, what was let in stays so.
        await site.KillAsync();
        await site.StartAsync();
        await _tree.ClusterAsync("north", "shop-1", "online");
        await root.StartAsync();
        await _tree.UntilAsync("root", Kinds.Clusters, null, "shop-1", c => c.Text("status", "status") == "online" && c.Condition("Provisional") is null);
        await CommandAsync("root", "second");
        using KubeClient api = _tree.Api("root");
        JsonObject token = Assert.Single((await api.ListAsync(Kinds.JoinTokens, null, null, Ct)).Items, t => t.Text("spec", "issuer") == "north");
        Assert.Equal(1, token.Whole("status", "used"));
    }

    public ValueTask DisposeAsync() => _tree.DisposeAsync();

    /// <summary>A command to the site ends well.</summary>
    private async Task CommandAsync(string at, string name)
    {
        await _tree.SendAsync(at, name, "shop-1", "GET", "/api/v1/namespaces/default/configmaps");
        Assert.Equal("Succeeded", (await _tree.OverAsync(at, name)).Text("status", "commandPhase"));
    }
}
