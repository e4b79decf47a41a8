using System.Text.Json.Nodes;
using Google.Protobuf;
using Ote.Cluster.Identity;
using Ote.Cluster.Tunnel;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Protocol.Tunnel;
using Ote.Tests.Cluster.Handling;

namespace Ote.Tests.Cluster.Lateral;

/// <summary>A lateral peer that was taken over: its certificate is good, and its operator allowed the link.</summary>
public sealed class LateralHostileTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Peer_that_speaks_for_others_is_not_heard_and_one_that_sends_anything_but_messages_loses_the_link()
    {
        await using var tree = await TreeAsync();
        await using (var peer = await Peer.AttachAsync(tree, "c2", "c1", Ct))
        {
            await peer.SayAsync(Message(Lane.Work, new ClusterMessage { From = "c3", To = "c1" }), Ct);
            await peer.SayAsync(Message(Lane.Control, new LateralNews { Below = { "c3", "root" } }), Ct); // not allowed to speak for anyone
            await peer.SayAsync(Message(Lane.Work, new ClusterMessage { From = "c3", To = "c1" }, 2), Ct);
            await peer.SayAsync(Message(Lane.Work, new ClusterMessage { From = "c2", To = "c1" }, 3), Ct);
            Assert.Equal("c2", Assert.Single(await tree["c1"].Messages.ReceiveAsync(null, 10, Ct)).From);
            Assert.Equal(1, tree["c1"].Messages.Waiting);
        }

        foreach (var (message, why) in ((Message, string)[])
            [
                (Message(Lane.Work, new ClusterMessage { From = "c2", To = "c1", Turned = true }), "a message that had gone down or across before has no place on a lateral link"),
                (new Message { Lane = Lane.Control, RouteSnapshot = new RouteSnapshot { Version = 1 } }, "RouteSnapshot has no place on a lateral link"),
                (new Message { Lane = Lane.Commands, Command = new Command { CommandUid = "u" } }, "Command has no place on a lateral link"),
                (new Message { Lane = Lane.Control, SetLateral = new SetLateral { Name = "c1" } }, "SetLateral has no place on a lateral link"),
            ])
        {
            await using var peer = await Peer.AttachAsync(tree, "c2", "c1", Ct);
            await peer.SayAsync(message, Ct);
            Assert.Contains(why, await peer.EndAsync(Ct), StringComparison.Ordinal);
        }

        Assert.Empty(tree["c1"].Below);
    }

    [Fact]
    public async Task Cluster_that_is_not_allowed_gets_no_link()
    {
        await using var tree = await TreeAsync();
        var refused = await Assert.ThrowsAsync<IOException>(() => Peer.AttachAsync(tree, "c3", "c1", Ct));
        Assert.Contains("c1 was not told that it may have a lateral link with c3", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Child_that_sends_up_what_came_down_loses_its_link()
    {
        await using var tree = await TreeAsync();
        await using var evil = await EvilChild.AttachAsync(tree, Ct);
        try
        {
            await evil.SayAsync(Message(Lane.Work, new ClusterMessage { From = "evil", To = "c1", Turned = true }), Ct);
        }
        catch (LinkClosedException)
        {
            // Ended before it was acknowledged.
        }

        while (evil.IsUp)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System, Ct);
        }

        Assert.Equal(0, tree["c1"].Messages.Waiting);
    }

    private static async Task<SmallTree> TreeAsync()
    {
        SmallTree? made = null;
        var tree = made = await SmallTree.StartAsync(Ct, options => options with { Listen = options.Name is "c1" ? made!.Listen("c1") : options.Listen });
        foreach (var name in (string[])["c1", "c2", "c3"])
        {
            await tree.AddAsync(name, "root", [], Ct);
            await tree.ClusterIsAsync(name, "online", Ct);
        }

        await tree.Root.PatchAsync(
            Kinds.Clusters, null, "c1", PatchKind.Merge, new JsonObject { ["spec"] = new JsonObject { ["lateral"] = new JsonArray(new JsonObject { ["peer"] = "c2" }) } }, Ct);
        while (tree["c1"].LateralLinks.Count == 0)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System, Ct);
        }

        return tree;
    }

    private static Message Message(Lane lane, IMessage payload, int id = 1)
    {
        var message = new Message { Lane = lane };
        if (payload is LateralNews news)
        {
            message.LateralNews = news;
            return message;
        }

        message.ClusterMessage = (ClusterMessage)payload;
        message.ClusterMessage.Id = ByteString.CopyFrom([.. new byte[15], (byte)id]);
        message.ClusterMessage.RemainingMilliseconds = 60_000;
        message.ClusterMessage.Data = new MessageData { Topic = "t" };
        return message;
    }

    /// <summary>The dialling end of a lateral link, by hand.</summary>
    private sealed class Peer(IPacketChannel channel) : IAsyncDisposable
    {
        private static ulong s_epoch = 100;
        private readonly Dictionary<Lane, ulong> _sequences = [];
        private byte _ids;

        public static async Task<Peer> AttachAsync(SmallTree tree, string name, string to, CancellationToken ct)
        {
            var identity = ClusterIdentity.Load(Path.Combine(tree.Folder, name, "identity"))!;
            var dialed = await new WebSocketDialer(() => identity, TimeProvider.System).DialAsync(new Uri($"https://{tree.Listen(to)}"), ct);
            var hello = new Hello
            {
                Name = name, Uid = identity.Peer.Uid, Incarnation = ByteString.CopyFrom(new byte[16]), Epoch = Interlocked.Increment(ref s_epoch), Protocol = ProtocolLimits.Version,
            };
            await dialed.Channel.SendAsync(FrameWriter.Packet(Frame.KindOneofCase.Lateral, hello), ct);
            var answer = await Channels.ReadSingleAsync(dialed.Channel, TimeSpan.FromSeconds(10), TimeProvider.System, ct);
            return answer.Welcome is null ? throw new IOException(answer.Refuse?.Text ?? answer.Close?.Reason) : new Peer(dialed.Channel);
        }

        public async Task SayAsync(Message message, CancellationToken ct)
        {
            message.Sequence = _sequences[message.Lane] = _sequences.GetValueOrDefault(message.Lane) + 1;
            message.Id = ByteString.CopyFrom([.. new byte[15], ++_ids]);
            await channel.SendAsync(FrameWriter.Packet(Frame.KindOneofCase.Message, message), ct);
        }

        /// <summary>Why the other end closed.</summary>
        public async Task<string> EndAsync(CancellationToken ct)
        {
            while (true)
            {
                var packet = await channel.ReceiveAsync(ProtocolLimits.MaxPacketBytes, ct);
                if (packet.IsClosed)
                {
                    return packet.CloseReason ?? "";
                }

                if (Close(packet.Bytes) is { } reason)
                {
                    return reason;
                }
            }
        }

        public ValueTask DisposeAsync() => channel.DisposeAsync();

        private static string? Close(ReadOnlyMemory<byte> packet)
        {
            var reader = new FrameReader(packet.Span);
            while (reader.TryRead(out var kind, out var body))
            {
                if (kind == Frame.KindOneofCase.Close)
                {
                    return Ote.Protocol.Tunnel.Close.Parser.ParseFrom(body).Reason;
                }
            }

            return null;
        }
    }
}
