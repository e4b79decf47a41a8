using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.SystemTests.Kubernetes;

namespace Ote.SystemTests.Tree;

/// <summary>A cluster two levels below the root is gone for good, and is deleted at the root; the controller between shows its subtree too.</summary>
public sealed class ForgottenClusterTests : IAsyncDisposable
{
    private readonly RoleProcesses _tree = new("forgotten", TestContext.Current.CancellationToken);

    public ValueTask DisposeAsync() => _tree.DisposeAsync();

    [Fact]
    public async Task What_is_deleted_at_the_root_is_forgotten_between_also_by_who_was_away_then()
    {
        string[] at = RoleProcesses.Addresses(4);
        await _tree.StartRootAsync(at[0], at[1]);
        ProductProcess north = await _tree.StartAsync("north", "ready ", [.. await _tree.JoiningAsync("north", at[0], "--auto-accept"), "--listen", at[2], "--serve", at[3]]);
        foreach (string name in (string[])["c1", "c2"])
        {
            await _tree.StartAsync($"{name}-cluster", "ready: edge cluster", "edge-cluster", "--name", name, "--data", _tree[$"{name}-cluster"], "--nodes", "1");
            ProductProcess controller = await _tree.StartAsync(name, "ready ", [.. await _tree.JoiningAsync(name, at[2], "--auto-accept"), "--managed-kubeconfig", Path.Combine(_tree[$"{name}-cluster"], "kubeconfig")]);
            await _tree.ClusterAsync("root", name, "online");
            await _tree.UntilAsync(async () => (await NodesAsync()).Any(n => n.EndsWith($"-{name}", StringComparison.Ordinal)), () => $"nodes of {name}");
            await controller.KillAsync();
            await _tree.ClusterAsync("root", name, "offline");
        }

        await _tree.OtectlAsync("root", "delete", "cluster", "c1");
        await GoneAsync("north", "c1");
        await _tree.UntilAsync(async () => !(await NodesAsync()).Any(n => n.EndsWith("-c1", StringComparison.Ordinal)), () => "nodes of c1 gone");
        Assert.Contains(await NodesAsync(), n => n.EndsWith("-c2", StringComparison.Ordinal));

        await north.KillAsync();
        await _tree.ClusterAsync("root", "north", "offline");
        await _tree.OtectlAsync("root", "delete", "cluster", "c2");
        await north.StartAsync();
        await _tree.ClusterAsync("root", "north", "online");
        await GoneAsync("north", "c2");
        await GoneAsync("root", "c2");
        await _tree.UntilAsync(async () => (await NodesAsync()).Length == 0, () => "nodes of c2 gone");
    }

    private async Task<string[]> NodesAsync()
    {
        try
        {
            using KubeClient api = _tree.Api("north");
            return [.. (await api.ListAsync(new ResourceRef("", "v1", "nodes", "Node", false), null, null, TestContext.Current.CancellationToken)).Items.Select(n => n.Name())];
        }
        catch (HttpRequestException)
        {
            return ["unknown"]; // it starts
        }
    }

    private Task GoneAsync(string at, string cluster) => _tree.UntilAsync(
        async () =>
        {
            try
            {
                using KubeClient api = _tree.Api(at);
                return await api.GetAsync(Kinds.Clusters, null, cluster, TestContext.Current.CancellationToken) is null;
            }
            catch (HttpRequestException)
            {
                return false;
            }
        },
        () => $"Cluster {cluster} gone at {at}");
}
