using System.Text;
using System.Text.Json.Nodes;
using Ote.Kube.Objects;
using Ote.Tests.Cluster.Handling;

namespace Ote.Tests.Cluster.Messages;

public sealed class MessageObjectsTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_object_of_the_control_API_is_sent_once_and_tells_what_became_of_it()
    {
        await using var tree = await SmallTree.StartAsync(Ct);
        await tree.AddAsync("c1", "root", [], Ct);
        await tree.ClusterIsAsync("c1", "online", Ct);
        await CreateAsync(tree, "hello", new JsonObject { ["to"] = "c1", ["topic"] = "t", ["data"] = "hi", ["contentType"] = "text/plain" });
        var over = await OverAsync(tree, "hello");
        Assert.Equal(("Delivered", 1L), (over.Text("status", "state"), over.Whole("status", "hops")));
        var got = Assert.Single(await tree["c1"].Messages.ReceiveAsync("t", 10, Ct));
        Assert.Equal(("root", "hi", over.Text("status", "id")), (got.From, Encoding.UTF8.GetString(got.Body.Span), got.Id));

        await tree.StopAsync("root");
        await tree.StartRootAsync(Ct);
        await CreateAsync(tree, "bytes", new JsonObject { ["to"] = "c1", ["topic"] = "u", ["binaryData"] = "AAEC" });
        Assert.Equal("Delivered", (await OverAsync(tree, "bytes")).Text("status", "state"));
        Assert.Equal([0, 1, 2], Assert.Single(await tree["c1"].Messages.ReceiveAsync("u", 10, Ct)).Body.ToArray());
        Assert.Equal(2, tree["c1"].Messages.Waiting);
    }

    [Fact]
    public async Task An_object_that_cannot_be_sent_says_why()
    {
        await using var tree = await SmallTree.StartAsync(Ct);
        await CreateAsync(tree, "nobody", new JsonObject { ["to"] = "c9", ["topic"] = "t" });
        await CreateAsync(tree, "both", new JsonObject { ["to"] = "c9", ["topic"] = "t", ["data"] = "x", ["binaryData"] = "AAEC" });
        await CreateAsync(tree, "name", new JsonObject { ["to"] = "C9", ["topic"] = "t" });
        Assert.Equal(("NoCluster", "no cluster of the tree is called 'c9'"), Told(await OverAsync(tree, "nobody")));
        Assert.Equal(("Refused", "spec: give data or binaryData, not both"), Told(await OverAsync(tree, "both")));
        Assert.StartsWith("to: cluster name 'C9'", Told(await OverAsync(tree, "name")).Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task It_is_deleted_when_it_has_been_over_long_enough()
    {
        await using var tree = await SmallTree.StartAsync(Ct);
        await CreateAsync(tree, "gone", new JsonObject { ["to"] = "c9", ["topic"] = "t", ["ttlSecondsAfterFinished"] = 0 });
        while (await tree.Root.GetAsync(Kinds.ClusterMessages, "default", "gone", Ct) is not null)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, Ct);
        }
    }

    private static (string? State, string? Text) Told(JsonObject over) => (over.Text("status", "state"), over.Text("status", "message"));

    private static Task<JsonObject> OverAsync(SmallTree tree, string name) =>
        SmallTree.UntilAsync(tree.Root, Kinds.ClusterMessages, "default", name, m => m.Text("status", "completionTime") is not null, Ct);

    private static Task<JsonObject> CreateAsync(SmallTree tree, string name, JsonObject spec) => tree.Root.CreateAsync(Kinds.ClusterMessages, "default", new JsonObject
    {
        ["apiVersion"] = "ote.baidu.com/v1", ["kind"] = "ClusterMessage", ["metadata"] = new JsonObject { ["name"] = name, ["namespace"] = "default" }, ["spec"] = spec,
    }, Ct);
}
