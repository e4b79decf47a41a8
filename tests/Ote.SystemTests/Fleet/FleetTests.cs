using Ote.SystemTests.Kubernetes;

namespace Ote.SystemTests.Fleet;

/// <summary>What people do with one kubeconfig, with kubectl of two ages, beside the same done at the cluster itself.</summary>
[Collection(nameof(Fleet))]
public sealed class FleetTests(RealClusters clusters, Fleet fleet)
{
    private static readonly TimeSpan s_soon = TimeSpan.FromSeconds(60);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Kubectl_behind_clusters_a_says_what_it_says_at_the_cluster_itself(bool old)
    {
        FleetTree tree = await fleet.TreeAsync(clusters);
        await using Shop shop = await Shop.OpenAsync(tree.A, Ct);
        Kubectl direct = old ? tree.A.OldKubectl : tree.A.Kubectl;
        Kubectl through = tree.Kubectl(old, "a");
        CommandList list = CommandList.OfOneCluster(shop, old);
        Assert.True(list.Count >= 60, $"only {list.Count} commands");
        string differences = await list.DifferencesAsync(direct, through, Ct);
        Assert.True(differences.Length == 0, differences);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Kubectl_at_the_fleet_says_of_what_is_shown_what_it_says_at_the_cluster_itself(bool old)
    {
        FleetTree tree = await fleet.TreeAsync(clusters);
        await using Shop shop = await Shop.OpenAsync(tree.A, Ct);
        await tree.Kubectl().UntilAsync(ready => ready == "2", s_soon, Ct, "get", "deployment", "web-a", "-n", shop.Namespace, "-o", "jsonpath={.status.readyReplicas}");
        await tree.Kubectl().UntilAsync(done => done == "1", s_soon, Ct, "get", "job", "once-a", "-n", shop.Namespace, "-o", "jsonpath={.status.succeeded}");
        CommandList list = CommandList.OfTheFleet(shop, "a");
        string differences = await list.DifferencesAsync(old ? tree.A.OldKubectl : tree.A.Kubectl, tree.Kubectl(old), Ct);
        Assert.True(differences.Length == 0, differences);
    }

    [Fact]
    public async Task Whoever_acts_as_another_needs_that_ones_rights_at_the_root_too_and_has_at_the_cluster_what_it_gives_that_one()
    {
        FleetTree tree = await fleet.TreeAsync(clusters);
        string robot = RealClusters.FreshName("robot"), name = $"system:serviceaccount:default:{robot}";
        Kubectl through = tree.Kubectl(cluster: "a");
        await through.ExpectAsync("get", "services", "-n", "default"); // kubectl knows the kinds from then on: of a discovery that is refused it says no reason
        CommandResult refused = await through.RunAsync("get", "services", "-n", "default", $"--as={name}");
        Assert.Equal(1, refused.ExitCode);
Assert.Contains(name, refused.Error, StringComparison.Ordinal);
        Assert.Contains("clusters/proxy", refused.Error, StringComparison.Ordinal); // says the root
        await tree.Kubectl().ApplyAsync($$$"""
            apiVersion: rbac.authorization.k8s.io/v1
            kind: ClusterRole
            metadata: {name: {{{robot}}}}
            rules:
            - {apiGroups: [ote.baidu.com], resources: [clusters/proxy], resourceNames: [a], verbs: [get, list]}
            ---
            apiVersion: rbac.authorization.k8s.io/v1
            kind: ClusterRoleBinding
            metadata: {name: {{{robot}}}}
            roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: {{{robot}}}}
            subjects: [{kind: ServiceAccount, namespace: default, name: {{{robot}}}}]

            """);
        refused = await through.RunAsync("get", "services", "-n", "default", $"--as={name}");
        Assert.Contains($"User \"{name}\" cannot list resource \"services\"", refused.Error, StringComparison.Ordinal); // says A
        await tree.A.Kubectl.ExpectAsync("create", "rolebinding", robot, "-n", "default", "--clusterrole=view", $"--serviceaccount=default:{robot}");
        Assert.Contains("kubernetes", await through.ExpectAsync("get", "services", "-n", "default", "-o", "name", $"--as={name}"), StringComparison.Ordinal);
        Assert.Equal(1, (await through.RunAsync("delete", "service", "kubernetes", "-n", "default", $"--as={name}")).ExitCode);
    }

    [Fact]
    public async Task All_clusters_are_in_one_list_those_behind_a_shim_process_too()
    {
        FleetTree tree = await fleet.TreeAsync(clusters);
        string name = RealClusters.FreshName("everywhere");
        foreach (string cluster in (string[])["a", "b", "c"])
            await tree.Kubectl(cluster: cluster).ExpectAsync("create", "deployment", name, $"--image={LocalImage.Name}", "--replicas=0");
        string[] shown = (await tree.Kubectl().UntilAsync(
            names => names.Split('\n').Count(n => n.Contains(name, StringComparison.Ordinal)) == 3, s_soon, Ct, "get", "deployments", "-o", "name")).Split('\n');
        Assert.Equal(
            [$"deployment.apps/{name}-a", $"deployment.apps/{name}-b", $"deployment.apps/{name}-c"],
            shown.Where(s => s.Contains(name, StringComparison.Ordinal)).Order(StringComparer.Ordinal));
        await tree.Kubectl().ExpectAsync("delete", "deployment", $"{name}-b"); // goes to b, through its shim
        Assert.Equal("", await tree.B.Kubectl.ExpectAsync("get", "deployment", name, "--ignore-not-found"));
        await tree.Kubectl().ExpectAsync("delete", "deployments", $"{name}-a", $"{name}-c");
    }

    [Fact]
    public async Task Status_of_a_cluster_says_what_it_has_and_that_of_its_parent_what_all_below_it_have()
    {
        FleetTree tree = await fleet.TreeAsync(clusters);
        string version = await tree.A.Kubectl.ExpectAsync("get", "nodes", "-o", "jsonpath={.items[0].status.nodeInfo.kubeletVersion}");
        string cpu = await tree.A.Kubectl.ExpectAsync("get", "nodes", "-o", "jsonpath={.items[0].status.capacity.cpu}");
        Assert.Equal(
            $"{version} 1 {cpu}",
            await tree.Kubectl().UntilAsync(text => text.EndsWith($" {cpu}", StringComparison.Ordinal), s_soon, Ct, "get", "cs", "a", "-o", "jsonpath={.status.kubernetesVersion} {.status.nodes.ready} {.status.capacity.cpu}"));
        // north itself, a and c: a's node and c's.
        await tree.Kubectl().UntilAsync(text => text == "3 2", TimeSpan.FromSeconds(120), Ct, "get", "cs", "north", "-o", "jsonpath={.status.subtree.clusters.online} {.status.subtree.nodes.ready}");
    }
}
