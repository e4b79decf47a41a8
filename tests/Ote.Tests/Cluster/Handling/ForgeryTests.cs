using Google.Protobuf;
using Ote.Cluster.Identity;
using Ote.Kube.Objects;
using Ote.Protocol.Tunnel;

namespace Ote.Tests.Cluster.Handling;

/// <summary>A child with a good certificate that speaks in others' names to a whole root (S2, S3).</summary>
public sealed class ForgeryTests
{
    private const string ConfigMaps = "/api/v1/namespaces/default/configmaps";
    private const string Body = """{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"m"}}""";

    // May do anything: a forged command that came through would be carried out.
    private static readonly Requester s_master = new() { User = "alice", Groups = { "system:masters" } };

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    [Trait("Defect", "S2")]
    [Trait("Defect", "S3")]
    public async Task Child_that_answers_joins_or_commands_in_anothers_name_changes_nothing()
    {
        await using var tree = await SmallTree.StartAsync(Ct, o => o with { Tunnel = o.Tunnel with { Heartbeat = TimeSpan.FromMilliseconds(200) } });
        await tree.AddAsync("c1", "root", ["tier=edge"], Ct);
        await tree.AddAsync("c2", "root", [], Ct);
        await tree.ClusterIsAsync("c1", "online", Ct);
        await tree.StopAsync("c1"); // so that its answer is waited for
        var command = await tree.CommandAsync("make", "c1", "POST", ConfigMaps, Body, Ct);
        await SmallTree.UntilAsync(tree.Root, Kinds.ClusterControllers, "default", "make", c => c.Whole("status", "targetCounts", "targets") == 1, Ct);

        await using (var evil = await EvilChild.AttachAsync(tree, Ct))
        {
            await evil.SayAsync(new Message
            {
                Lane = Lane.Commands,
                Receipts = new ReceiptBatch
                {
                    Receipts = { new Receipt { Cluster = "c1", CommandUid = command.Uid(), Generation = 1, Entry = "root", Stage = Stage.Executed, Code = 200, AtUnixMilliseconds = 1 } },
                },
            }, Ct);
            await evil.SayAsync(new Message
            {
                Lane = Lane.Control,
                JoinRequest = new JoinRequest
                {
                    RequestId = ByteString.CopyFrom(new byte[16]),
                    Token = await tree.TokenAsync(Ct),
                    Name = "ghost",
                    Uid = "u-ghost",
                    Csr = ByteString.CopyFrom(SigningRequest.Create("ghost", [], SigningRequest.NewKey())),
                    Via = { "c2" },
                },
            }, Ct);
            await evil.SayAsync(new Message
            {
                Lane = Lane.Commands,
                Command = new Command
                {
                    Entry = "root", CommandUid = "forged", Generation = 1, Selector = "c2", Destination = "api", Method = "POST", Url = ConfigMaps,
                    Body = ByteString.CopyFromUtf8(Body), ContentType = "application/json", RemainingMilliseconds = 60_000, Requester = s_master,
                },
            }, Ct);
            Assert.True(evil.IsUp);
        }

        // By now the root has dealt with all of it: each was acknowledged.
        Assert.Null(await tree.Root.GetAsync(Kinds.Clusters, null, "ghost", Ct));
        Assert.Null(await tree.Cluster("c2").GetAsync(Kinds.ConfigMaps, "default", "m", Ct));
        Assert.Null((await tree.Root.GetAsync(Kinds.ClusterControllers, "default", "make", Ct)).Text("status", "completionTime"));

        await tree.AddAsync("c1", "root", ["tier=edge"], Ct);
        var over = await tree.OverAsync("make", Ct);
        Assert.Equal(201, over.Whole("status", "c1", "code")); // its own word
        Assert.NotNull(await tree.Cluster("c1").GetAsync(Kinds.ConfigMaps, "default", "m", Ct));
    }

    [Fact]
    [Trait("Defect", "S2")]
    public async Task What_only_travels_down_is_dropped_and_logged_when_a_child_sends_it_up()
    {
        var heard = new Heard();
        var counts = new EdgeCounts();
        await using var tree = new SmallTree { Loggers = heard, Wire = counts.Watch };
        await tree.StartRootAsync(Ct);
        await tree.AddAsync("c1", "root", ["tier=edge"], Ct);
        await tree.AddAsync("c2", "root", ["tier=mec"], Ct);
        await tree.ClusterIsAsync("c1", "online", Ct);
        await tree.ClusterIsAsync("c2", "online", Ct);
        await tree.StopAsync("c1");
        var waiting = await tree.CommandAsync("waiting", "c1", "GET", ConfigMaps, "", Ct);
        await SmallTree.UntilAsync(tree.Root, Kinds.ClusterControllers, "default", "waiting", c => c.Whole("status", "targetCounts", "targets") == 1, Ct);
        Message[] orders =
        [
            new() { Command = new Command { Entry = "root", CommandUid = "forged", Generation = 1, Selector = "c2", Destination = "api", Method = "POST", Url = ConfigMaps, Body = ByteString.CopyFromUtf8(Body), ContentType = "application/json", Requester = s_master } },
            new() { CancelCommand = new CancelCommand { CommandUid = waiting.Uid(), Generation = 1, Selector = "c1", Entry = "root" } },
            new() { SetTags = new SetTags { Name = "c2", Tags = { "owner=evil" }, Generation = 99 } },
            new() { SetPlacement = new SetPlacement { Name = "c2", PinnedParent = "evil", Generation = 99 } },
            new() { NameVerdict = new NameVerdict { Name = "c2", Uid = (await tree.ClusterIsAsync("c2", "online", Ct)).Text("status", "uid"), Text = "forged" } },
            new() { Standing = new Standing { Path = { "evil" } } },
            new() { Revocations = new RevocationList { Content = ByteString.CopyFromUtf8("c2") } },
            new() { JoinAnswer = new JoinAnswer { Via = { "c2" } } },
            new() { RouteRequest = new RouteSnapshotRequest() },
        ];

        await using (var evil = await EvilChild.AttachAsync(tree, Ct))
        {
            await Task.WhenAll(orders.Select(order =>
            {
                order.Lane = Lane.Commands;
                return evil.SayAsync(order, Ct);
            }));
            Assert.True(evil.IsUp);
        }

        Assert.Equal(
            orders.Select(order => $"Dropped a {order.PayloadCase} of evil brought by evil"),
            heard.Lines.Where(line => line.StartsWith("Warning 2306 ", StringComparison.Ordinal)).Select(line => line.Split(' ', 3)[2].Split(',')[0]));

        // What had been passed on would reach the cluster before this does.
        await tree.CommandAsync("after", "c2", "GET", ConfigMaps, "", Ct);
        await tree.OverAsync("after", Ct);
        Assert.Equal(1, counts.Of("c2", Message.PayloadOneofCase.Command));
        foreach (var order in orders.Where(o => o.PayloadCase is not (Message.PayloadOneofCase.Command or Message.PayloadOneofCase.Standing or Message.PayloadOneofCase.RouteRequest)))
        {
            Assert.Equal((order.PayloadCase, 0), (order.PayloadCase, counts.Of("c2", order.PayloadCase)));
        }

        Assert.Equal(["tier=mec"], (await tree.ClusterIsAsync("c2", "online", Ct)).Items("status", "tags")!.Select(tag => (string?)tag));
        await tree.AddAsync("c1", "root", ["tier=edge"], Ct);
        Assert.Equal("Succeeded", (await tree.OverAsync("waiting", Ct)).Text("status", "commandPhase"));
    }
}
