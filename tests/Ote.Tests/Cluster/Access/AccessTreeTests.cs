using Ote.Cluster.Handling;
using Ote.Kube.Objects;
using Ote.Tests.Cluster.Handling;

namespace Ote.Tests.Cluster.Access;

/// <summary>Who may command what, at each layer of a tree.</summary>
public sealed class AccessTreeTests
{
    private const string ConfigMaps = "/api/v1/namespaces/default/configmaps";
    private const int MostTries = 100;
    private const string Body = """{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"m"}}""";
    private const string Reading = "subjects: [{kind: User, name: '*'}], rules: [{verbs: [get, list], apiGroups: [''], resources: [configmaps]}]";

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Entry_lets_a_user_command_the_own_subtree_and_tells_for_each_other_cluster_that_it_is_not_allowed()
    {
        await using var tree = await TreeAsync();
        await tree.Root.CreateAsync(Kinds.CommandPolicies, null, Policies.Object(
            "alice", "subjects: [{kind: User, name: alice}], subtree: north, rules: [{verbs: [create], apiGroups: [''], resources: [configmaps], namespaces: [default]}]"), Ct);
        await UntilClosedAsync(tree);

        await tree.CommandAsync("make", "c1,c2", "POST", ConfigMaps, Body, Ct);
        var over = await tree.OverAsync("make", Ct);
        var results = await tree.ResultsAsync("make", Ct);
        await tree.CommandAsync("drop", "tier=edge", "DELETE", ConfigMaps + "/m", "", Ct);
        var dropped = await tree.OverAsync("drop", Ct);

        Assert.Equal(("Failed", 201L), (over.Text("status", "commandPhase"), over.Whole("status", "c1", "code")));
        Assert.Equal(("NotAllowed", 0L), (results["c2"].Text("error"), results["c2"].Whole("code")));
        Assert.StartsWith("user 'alice' may not ask this cluster to create configmaps in namespace default: none of the 1 command policies of cluster root's control API", results["c2"].Text("text"), StringComparison.Ordinal);
        Assert.Null(await tree.Cluster("c2").GetAsync(Kinds.ConfigMaps, "default", "m", Ct));
        Assert.Equal(("Failed", "NotAllowed"), (dropped.Text("status", "commandPhase"), dropped.Condition("Allowed").Text("reason")));
        Assert.NotNull(await tree.Cluster("c1").GetAsync(Kinds.ConfigMaps, "default", "m", Ct));
    }

    [Theory]
    [InlineData("c1,c2")]
    [InlineData("tier=edge")]
    public async Task Middle_level_lets_an_ancestor_do_no_more_below_than_its_own_file_says(string selector)
    {
        await using var tree = await TreeAsync(policyOf: "north");
        await tree.CommandAsync("make", selector, "POST", ConfigMaps, Body, Ct);
        await tree.OverAsync("make", Ct);
        var results = await tree.ResultsAsync("make", Ct);
        await tree.CommandAsync("read", selector, "GET", ConfigMaps, "", Ct);
        var read = await tree.OverAsync("read", Ct);

        Assert.Equal(("NotAllowed", 201L), (results["c1"].Text("error"), results["c2"].Whole("code")));
        Assert.Contains("cluster north's own file", results["c1"].Text("text"), StringComparison.Ordinal);
        Assert.Null(await tree.Cluster("c1").GetAsync(Kinds.ConfigMaps, "default", "m", Ct));
        Assert.Equal("Succeeded", read.Text("status", "commandPhase"));
    }

    [Fact]
    public async Task Target_runs_nothing_that_its_own_file_does_not_allow()
    {
        await using var tree = await TreeAsync(policyOf: "c1");
        await tree.CommandAsync("make", "tier=edge", "POST", ConfigMaps, Body, Ct);
        await tree.OverAsync("make", Ct);
        var results = await tree.ResultsAsync("make", Ct);

        Assert.Equal(("NotAllowed", 201L), (results["c1"].Text("error"), results["c2"].Whole("code")));
        Assert.Null(await tree.Cluster("c1").GetAsync(Kinds.ConfigMaps, "default", "m", Ct));
    }

    [Fact]
    public async Task Policies_of_a_middle_levels_own_api_bound_what_comes_from_above()
    {
        await using var tree = await TreeAsync(control: true);
        var policy = Policies.Object("from-above", Reading.Replace("rules", "entries: [root], rules", StringComparison.Ordinal));
        await tree.Control("north").CreateAsync(Kinds.CommandPolicies, null, policy, Ct);
        for (var i = 0; ; i++)
        {
            Assert.True(i < MostTries, "north did not come to know the policy");
            await tree.CommandAsync($"try{i}", "c1", "PUT", ConfigMaps + "/none", Body, Ct);
            await tree.OverAsync($"try{i}", Ct);
            if ((await tree.ResultsAsync($"try{i}", Ct))["c1"].Text("error") == "NotAllowed")
            {
                break; // north has seen the policy
            }
        }

        await tree.CommandAsync("read", "c1", "GET", ConfigMaps, "", Ct);
        Assert.Equal("Succeeded", (await tree.OverAsync("read", Ct)).Text("status", "commandPhase"));
        await tree.CommandAsync("own", "c1", "GET", ConfigMaps, "", Ct, at: tree.Control("north"));
        Assert.Equal("NotAllowed", (await tree.OverAsync("own", Ct, at: tree.Control("north"))).Condition("Allowed").Text("reason"));
    }

    [Fact]
    public async Task Controller_does_not_start_with_policies_it_cannot_read()
    {
        await using var tree = await SmallTree.StartAsync(Ct);
        var file = Path.Combine(tree.Folder, "policy.yaml");
        await File.WriteAllTextAsync(file, "kind: ConfigMap", Ct);
        tree.Adjust = o => o with { CommandPolicyFile = file };
        var refused = await Assert.ThrowsAsync<ClusterControllerException>(() => tree.AddAsync("c1", "root", [], Ct));
        Assert.Contains("--command-policy", refused.Message, StringComparison.Ordinal);
    }

    /// <summary>root above north above c1, and above c2.</summary>
    private static async Task<SmallTree> TreeAsync(string policyOf = "", bool control = false)
    {
        var tree = await SmallTree.StartAsync(Ct);
        var file = Path.Combine(tree.Folder, "policy.yaml");
        await File.WriteAllTextAsync(file, Policies.Text("site", Reading), Ct);
        tree.Adjust = o => o.Name == policyOf ? o with { CommandPolicyFile = file } : o;
        await tree.AddAsync("north", "root", [], Ct, leaf: false, control: control);
        await tree.AddAsync("c1", "north", ["tier=edge"], Ct);
        await tree.AddAsync("c2", "root", ["tier=edge"], Ct);
        foreach (var name in new[] { "north", "c1", "c2" })
        {
            await tree.ClusterIsAsync(name, "online", Ct);
        }

        return tree;
    }

    private static async Task UntilClosedAsync(SmallTree tree)
    {
        for (var i = 0; ; i++)
        {
            Assert.True(i < MostTries, "the entry did not come to know the policy");
            await tree.CommandAsync($"probe{i}", "c2", "GET", "/version", "", Ct);
            if ((await tree.OverAsync($"probe{i}", Ct)).Items("status", "conditions")!.Any(c => c.Text("reason") == "NotAllowed"))
            {
                return;
            }
        }
    }
}
