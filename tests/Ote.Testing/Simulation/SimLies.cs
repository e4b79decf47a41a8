using Google.Protobuf;
using Ote.Cluster.Identity;
using Ote.Cluster.Tunnel;
using Ote.Protocol.Tunnel;

namespace Ote.Testing.Simulation;

/// <summary>What a <see cref="SimHostile"/> says.</summary>
/// <param name="world">Where.</param>
/// <param name="self">Who says it.</param>
/// <param name="clock">Its clock.</param>
/// <param name="commands">What it answers without being asked.</param>
/// <param name="messages">Of what messages it says that they have arrived.</param>
/// <remarks>
/// Whom it claims to have below itself it does not speak for: a controller in between believes such a claim of a cluster that it does not know
/// until the root's verdict has come, and so, for that long, what is said in that cluster's name (decision 24). Ids of messages are no secret here,
/// so it does not say that one has failed: of who knows an id that is believed.
/// </remarks>
internal sealed class SimLies(SimWorld world, ClusterIdentity self, TimeProvider clock, SimCommands commands, SimMessages messages)
{
    /// <summary>What names begin with that nobody has.</summary>
    public const string MadeUp = "ghost-";

    private const ulong LaterThanAll = 1_000_000;
    private int _inventions;

    private List<SimNode> Claimed { get; } = [.. world.Nodes.Where(_ => world.Random() < 0.4)];

    private List<SimNode> SpokenFor => field ??= [.. world.Nodes.Except(Claimed)];

    /// <summary>Of its routes.</summary>
    public ulong Version { get; private set; }

    /// <summary>Something to say; null: nothing comes to its mind.</summary>
    public Message? Next(ILink link) => world.Random() switch
    {
        < 0.15 => Snapshot(link),
        < 0.35 => Delta(link),
        < 0.6 => Answer(),
        < 0.75 => Delivered(),
        < 0.9 => Say(),
        _ => Order(),
    };

    /// <summary>All that is below it, if it were believed.</summary>
    public Message Snapshot(ILink link)
    {
        var own = new RouteEntry { Name = self.Peer.Name, Uid = self.Peer.Uid, Parent = link.Peer.Name, Epoch = link.Epoch, Online = true, Membership = ByteString.CopyFrom(self.Membership.Span) };
        return new Message { Lane = Lane.Control, RouteSnapshot = new RouteSnapshot { Version = ++Version, Entries = { Claims(5).Prepend(own) } } };
    }

    private Message Delta(ILink link) => Version == 0 ? Snapshot(link) : new Message
    {
        Lane = Lane.Control,
        RouteDelta = new RouteDelta { FromVersion = Version, ToVersion = ++Version, Upserts = { Claims(2) }, Removals = { world.One(world.Nodes).Name } },
    };

    // Of a few clusters that they hang below it since just now, and of as many that nobody has ever heard of.
    private List<RouteEntry> Claims(int most)
    {
        List<RouteEntry> claims = [];
        for (var left = (int)(world.Random() * most) + 1; left > 0; left--)
        {
            var name = Claimed.Count > 0 && world.Random() < 0.6 ? world.One(Claimed).Name : $"{MadeUp}{self.Peer.Name}-{++_inventions}";
            claims.Add(new RouteEntry
            {
                Name = name,
                Uid = world.Random() < 0.8 ? "u-" + name : "u-" + MadeUp,
                Parent = self.Peer.Name,
                Epoch = (ulong)(world.Random() * LaterThanAll),
                Online = world.Random() < 0.9,
                Managed = true,
                Membership = world.Random() switch { < 0.4 => ByteString.Empty, < 0.7 => ByteString.CopyFrom(self.Membership.Span), _ => ByteString.CopyFrom([.. Bytes(), .. Bytes()]) },
            });
        }

        return claims;
    }

    private Message? Answer() => commands.OneUid() is not { } uid ? null : new Message
    {
        Lane = Lane.Commands,
        Receipts = new ReceiptBatch
        {
            Receipts = { new Receipt { Cluster = world.Random() < 0.8 ? Other() : $"{MadeUp}{self.Peer.Name}-{_inventions}", CommandUid = uid, Generation = 1, Entry = world.Nodes[0].Name, Stage = Stage.Executed, Code = 200, AtUnixMilliseconds = clock.GetUtcNow().ToUnixTimeMilliseconds() } },
        },
    };

    private Message? Delivered() => messages.One() is not { } sent ? null : Say(new ClusterMessage
    {
        Id = ByteString.CopyFrom(Convert.FromHexString(sent.Id)),
        From = SpokenFor.Any(n => n.Name == sent.To) ? sent.To : self.Peer.Name,
        To = sent.From,
        Outcome = new MessageOutcome { State = MessageOutcome.Types.State.Delivered },
    });

    private Message Say() => Say(new ClusterMessage { Id = ByteString.CopyFrom(Bytes()), From = Other(), To = world.One(world.Nodes).Name, Data = new MessageData { Topic = "t" } });

    private static Message Say(ClusterMessage said)
    {
        said.RemainingMilliseconds = 3_600_000;
        return new Message { Lane = Lane.Work, ClusterMessage = said };
    }

    // What travels down only.
    private Message Order()
    {
        var name = world.One(world.Nodes).Name;
        return world.Random() switch
        {
            < 0.4 => new Message { Lane = Lane.Control, NameVerdict = new NameVerdict { Name = name, Uid = "u-" + name, WinnerUid = self.Peer.Uid, Text = "made up" } },
            < 0.6 => new Message { Lane = Lane.Control, SetTags = new SetTags { Name = name, Generation = LaterThanAll } },
            < 0.8 => new Message { Lane = Lane.Control, SetPlacement = new SetPlacement { Name = name, PinnedParent = self.Peer.Name, Generation = LaterThanAll } },
            _ => new Message { Lane = Lane.Commands, Command = new Command { Entry = world.Nodes[0].Name, CommandUid = "made-up", Generation = 1, Selector = name, Destination = "api", Method = "POST", Url = "/", RemainingMilliseconds = 60_000 } },
        };
    }

    private string Other() => SpokenFor.Count > 0 ? world.One(SpokenFor).Name : world.Nodes[0].Name;

    /// <summary>16 of them.</summary>
    public byte[] Bytes() => [.. Enumerable.Range(0, 16).Select(_ => (byte)(world.Random() * 256))];
}
