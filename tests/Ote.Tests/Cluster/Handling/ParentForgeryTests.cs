using Google.Protobuf;
using Ote.Cluster.Tunnel;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Protocol.Tunnel;
using Ote.Tests.Cluster.Tunnel;

namespace Ote.Tests.Cluster.Handling;

/// <summary>A parent with the root's own certificate that says what is not a parent's to say (S2, S3).</summary>
public sealed class ParentForgeryTests
{
    private const string ConfigMaps = "/api/v1/namespaces/default/configmaps";

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Parent_that_answers_or_announces_for_the_clusters_below_changes_nothing_there()
    {
        var heard = new Heard();
        await using var tree = new SmallTree { Loggers = heard };
        var north = await NorthAsync(tree);
        await tree.StopAsync("c1"); // so that its answer is waited for
        await tree.ClusterIsAsync("c1", "offline", Ct, north);
        var command = await tree.CommandAsync("ask", "c1", "GET", ConfigMaps, "", Ct, north);
        await SmallTree.UntilAsync(north, Kinds.ClusterControllers, "default", "ask", c => c.Whole("status", "targetCounts", "targets") == 1, Ct);
        var uid = (await tree.ClusterIsAsync("c1", "offline", Ct, north)).Text("status", "uid")!;
        await tree.StopAsync("root");

        var (evil, child) = await EvilParent.TakeOverAsync(tree, Ct);
        await using (evil)
        {
            await SayAsync(
                child,
                new Message { Receipts = new ReceiptBatch { Receipts = { new Receipt { Cluster = "c1", CommandUid = command.Uid(), Generation = 1, Entry = "north", Stage = Stage.Executed, Code = 200 } } } },
                new Message { RouteSnapshot = new RouteSnapshot { Entries = { new RouteEntry { Name = "ghost", Uid = "u-ghost", Parent = "north", Online = true } } } },
                new Message { RouteDelta = new RouteDelta { Upserts = { new RouteEntry { Name = "c1", Uid = uid, Parent = "north", Online = true, Tags = { "owner=evil" } } } } },
                new Message { JoinRequest = new JoinRequest { Name = "ghost", Uid = "u-ghost", Via = { "root" } } },
                new Message { Standing = new Standing { Path = { "root", "north", "root" }, Position = new Position { Beat = 2_000_000 } } },
                new Message { Revocations = new RevocationList { Content = new RevokedClusters { Version = 99, Clusters = { new RevokedCluster { Uid = uid, Name = "c1" } } }.ToByteString(), Signature = ByteString.CopyFrom(new byte[64]) } });
            Assert.True(child.IsUp);
        }

        foreach (var what in (string[])["Receipts", "RouteSnapshot", "RouteDelta", "JoinRequest", "Standing", "list of revocations"])
        {
            Assert.Single(heard.Lines, line => line.StartsWith($"Warning 2308 A {what} from the parent cannot be carried out here", StringComparison.Ordinal));
        }

        Assert.Null(await north.GetAsync(Kinds.Clusters, null, "ghost", Ct));
        Assert.Null((await north.GetAsync(Kinds.ClusterControllers, "default", "ask", Ct)).Text("status", "completionTime"));
        await tree.AddAsync("c1", "north", ["tier=edge"], Ct); // not shut out
        Assert.Equal(200, (await tree.OverAsync("ask", Ct, north)).Whole("status", "c1", "code"));
        Assert.NotEmpty((await tree.ResultsAsync("ask", Ct, north))["c1"].Text("body")!); // its own word: the forged one had none
        Assert.Equal(["tier=edge"], (await tree.ClusterIsAsync("c1", "online", Ct, north)).Items("status", "tags")!.Select(tag => (string?)tag));
    }

    [Fact]
    [Trait("Defect", "P1")]
    public async Task Message_of_any_kind_that_is_empty_costs_not_even_the_link()
    {
        await using var tree = new SmallTree();
        var north = await NorthAsync(tree);
        await tree.StopAsync("root");

        var (evil, child) = await EvilParent.TakeOverAsync(tree, Ct);
        await using (evil)
        {
            await SayAsync(child, [.. Message.Descriptor.Oneofs.Single(o => o.Name == "payload").Fields.Select(field =>
            {
                var empty = new Message();
                field.Accessor.SetValue(empty, field.MessageType.Parser.ParseFrom(ByteString.Empty));
                return empty;
            })]);
            Assert.True(child.IsUp);
        }

        await tree.CommandAsync("ask", "c1", "GET", ConfigMaps, "", Ct, north);
        Assert.Equal("Succeeded", (await tree.OverAsync("ask", Ct, north)).Text("status", "commandPhase"));
    }

    /// <summary>Completes when the child has dealt with all of them.</summary>
    private static Task SayAsync(ILink child, params IEnumerable<Message> messages) => Task.WhenAll(messages.Select(message =>
    {
        message.Lane = Lane.Control;
        return child.SendDurableAsync(message, Ct).Soon(); // a link that ends would have it sent once more, for ever
    }));

    /// <summary>A root, a cluster north with a control API of its own, and c1 below that.</summary>
    private static async Task<KubeClient> NorthAsync(SmallTree tree)
    {
        await tree.StartRootAsync(Ct);
        await tree.AddAsync("north", "root", [], Ct, leaf: false, control: true);
        await tree.AddAsync("c1", "north", ["tier=edge"], Ct);
        await tree.ClusterIsAsync("c1", "online", Ct, tree.Control("north"));
        return tree.Control("north");
    }
}
