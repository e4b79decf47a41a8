using System.Text;
using System.Text.Json.Nodes;
using Ote.Cluster.Handling;
using Ote.Cluster.Messages;
using Ote.Kube.Objects;
using Ote.Tests.Cluster.Handling;

namespace Ote.Tests.Cluster.Messages;

/// <summary>Who may send whom what, at each layer of a tree.</summary>
public sealed class MessageAccessTreeTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Policies_of_the_roots_api_bound_what_passes_the_root_and_the_sender_is_told_why()
    {
        await using var tree = await TreeAsync();
        Assert.Equal(SentState.Delivered, (await EndAsync(tree, "c1", "c3", "prices"))!.State); // none yet
        await tree.Root.CreateAsync(Kinds.MessagePolicies, null, Policy("stock", new JsonObject { ["from"] = new JsonObject { ["subtree"] = "north" }, ["topics"] = new JsonArray("stock") }), Ct);
        SentMessage? refused;
        while ((refused = await EndAsync(tree, "c1", "c3", "prices"))!.State == SentState.Delivered)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, Ct); // until the root has heard of it
        }

        Assert.Equal(
            (SentState.Refused, "c1 may not send c3 messages on topic 'prices': none of the 1 message policies of cluster root's control API allows it; ask who keeps them for one that does"),
            (refused.State, refused.Text));
        Assert.Equal(SentState.Delivered, (await EndAsync(tree, "c1", "c3", "stock"))!.State);
        Assert.Equal(SentState.Refused, (await EndAsync(tree, "c3", "c1", "stock"))!.State); // it is not below north
        Assert.Equal(SentState.Refused, (await EndAsync(tree, "root", "c1", "stock"))!.State); // nor is the root itself
        Assert.Equal(SentState.Delivered, (await EndAsync(tree, "c1", "c2", "prices"))!.State); // it turns at north, which has no policies
    }

    [Fact]
    public async Task A_sites_own_file_bounds_who_may_send_to_it_whatever_those_above_allow()
    {
        await using var tree = await TreeAsync(policyOf: "c2");
        Assert.Equal(SentState.Delivered, (await EndAsync(tree, "c3", "c2", "t"))!.State);
        var refused = await EndAsync(tree, "c1", "c2", "t");
        Assert.Equal(SentState.Refused, refused!.State);
        Assert.Contains("cluster c2's own file", refused.Text, StringComparison.Ordinal);
        Assert.Equal(1, tree["c2"].Messages.Waiting);
    }

    private static async Task<SentMessage?> EndAsync(SmallTree tree, string from, string to, string topic) =>
        await tree[from].Messages.WaitAsync((await tree[from].Messages.SendAsync(to, topic, "", Encoding.UTF8.GetBytes("x"))).Id, Ct);

    private static JsonObject Policy(string name, JsonObject spec) => new()
    {
        ["apiVersion"] = "ote.baidu.com/v1", ["kind"] = "MessagePolicy", ["metadata"] = new JsonObject { ["name"] = name }, ["spec"] = spec,
    };

    private static async Task<SmallTree> TreeAsync(string? policyOf = null)
    {
        SmallTree? made = null;
        ClusterControllerOptions Adjust(ClusterControllerOptions options)
        {
            if (options.Name != policyOf)
            {
                return options;
            }

            var file = Path.Combine(made!.Folder, "messages.yaml");
            File.WriteAllText(file, "apiVersion: ote.baidu.com/v1\nkind: MessagePolicy\nmetadata: {name: from-c3}\nspec: {from: {clusters: c3}}\n");
            return options with { MessagePolicyFile = file };
        }

        var tree = made = await SmallTree.StartAsync(Ct, Adjust);
        await tree.AddAsync("north", "root", [], Ct, leaf: false);
        await tree.AddAsync("c1", "north", [], Ct);
        await tree.AddAsync("c2", "north", [], Ct);
        await tree.AddAsync("c3", "root", [], Ct);
        foreach (var name in (string[])["c1", "c2", "c3"])
        {
            await tree.ClusterIsAsync(name, "online", Ct);
        }

        return tree;
    }
}
