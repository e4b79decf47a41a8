using Google.Protobuf;
using Ote.Cluster.Failover;
using Ote.Cluster.Identity;
using Ote.Cluster.Tunnel;
using Ote.Protocol.Tunnel;

namespace Ote.Testing.Simulation;

/// <summary>
/// A member of the tree under a name of its own, without tags and without anything behind it, that says whatever a link can carry: routes to
/// others and to clusters that are not there, receipts, messages and verdicts in others' names. Nothing of it may count.
/// </summary>
/// <remarks>
/// Whom it claims to have below itself it does not speak for: a controller in between believes such a claim of a cluster that it does not know
/// until the root's verdict has come, and so, for that long, what is said in that cluster's name (decision 24). Ids of messages are no secret here,
/// so it does not say that one has failed: of who knows an id that is believed.
/// </remarks>
internal sealed class SimHostile : ILinkHandler
{
    private const ulong LaterThanAll = 1_000_000;
    private const string MadeUp = "ghost-";
    private static readonly TimeSpan Often = TimeSpan.FromSeconds(1);
    private readonly SimWorld _world;
    private readonly SimCommands _commands;
    private readonly SimMessages _messages;
    private readonly SimClock _clock;
    private readonly SimPort _port;
    private readonly SimMeters _meters = new();
    private readonly ClusterIdentity _identity;
    private readonly EdgeTunnel _tunnel;
    private readonly List<SimNode> _claimed;
    private readonly List<SimNode> _spokenFor;
    private readonly CancellationTokenSource _end = new();
    private ulong _version;
    private int _inventions;

    public SimHostile(SimWorld world, SimCommands commands, SimMessages messages)
    {
        (_world, _commands, _messages) = (world, commands, messages);
        var number = world.NextStranger();
        _clock = new SimClock(world.Timeline, number);
        _port = world.Network.Open(number, _clock);
        _identity = world.Identify(new PeerIdentity($"e{number}", $"u-e{number}"));
        world.Members.Add(_identity.Peer.Name);
        _claimed = [.. world.Nodes.Where(_ => world.Random() < 0.4)];
        _spokenFor = [.. world.Nodes.Except(_claimed)];
        var loggers = world.Loggers(_identity.Peer.Name);
        var parent = world.One(world.Nodes.Where(static n => n.Options.Listen is not null).ToList());
        _tunnel = new EdgeTunnel(
            new TunnelRuntime(_clock, _meters, loggers, world.Random, Bytes()),
            new EdgeTunnelOptions { Tunnel = SimWorld.Uncompressed },
            _identity.Peer,
            new ParentSeeker(new FailoverOptions(), new Uri($"https://{parent.Options.Listen}"), [], null, _clock, world.Random, loggers.CreateLogger("")),
            _port.DialerOf(_identity.Peer),
            this,
            new EdgeFacts
            {
                NextEpoch = EpochCounter.InMemory().Next,
                Membership = () => _identity.Membership,
                Digest = () => _version,
                AdvertisedAddress = () => parent.Options.Listen!.ToString(), // another's, to be told to others as a parent
            });
    }

    public void Start()
    {
        _world.Watched.Add(Wrong);
        _ = _tunnel.RunAsync(CancellationToken.None);
        _ = SpeakAsync();
    }

    /// <summary>Its machine dies, and nothing of what it made up is there.</summary>
    public async Task EndAsync()
    {
        await _end.CancelAsync().ConfigureAwait(false);
        _clock.Stop();
        _port.Die(silently: _world.Random() < 0.5);
        _meters.Dispose();
        _world.Watched.Remove(Wrong);
        var objects = await _world.Operator.ListAsync(Kube.Objects.Kinds.Clusters, null, null, CancellationToken.None).ConfigureAwait(false);
        foreach (var invented in objects.Items.Select(static c => c["metadata"]!["name"]!.ToString()).Where(static n => n.StartsWith(MadeUp, StringComparison.Ordinal)))
        {
            _world.Violate($"{invented}, which {_identity.Peer.Name} made up, has a Cluster object");
        }
    }

    public void Attached(ILink link, Welcome welcome, Hello? hello) => link.TrySend(Snapshot(link));

    public void Detached(ILink link, string reason)
    {
        // It dials again.
    }

    public ValueTask ReceiveAsync(ILink link, Message message, CancellationToken ct)
    {
        if (message.Command is { } command)
        {
            _world.Violate($"command {command.CommandUid} for {command.Selector} came to {_identity.Peer.Name}");
        }
        else if (message.RouteRequest is not null)
        {
            link.TrySend(Snapshot(link));
        }

        return ValueTask.CompletedTask;
    }

    private string? Wrong() => _world.Nodes[0].Controller?.Below.FirstOrDefault(static e => e.Name.StartsWith(MadeUp, StringComparison.Ordinal)) is { } invented
        ? $"the root routes to {invented.Name}, which {_identity.Peer.Name} made up"
        : null;

    private async Task SpeakAsync()
    {
        while (!_end.IsCancellationRequested)
        {
            await Task.Delay(Often * -Math.Log(1 - _world.Random()), _clock).ConfigureAwait(false);
            if (_tunnel.Link is { IsUp: true } link && !_end.IsCancellationRequested && Lie(link) is { } lie)
            {
                link.TrySend(lie);
            }
        }
    }

    private Message? Lie(ILink link) => _world.Random() switch
    {
        < 0.15 => Snapshot(link),
        < 0.35 => Delta(link),
        < 0.6 => Answer(),
        < 0.75 => Delivered(),
        < 0.9 => Say(),
        _ => Order(),
    };

    private Message Snapshot(ILink link)
    {
        var self = new RouteEntry { Name = _identity.Peer.Name, Uid = _identity.Peer.Uid, Parent = link.Peer.Name, Epoch = link.Epoch, Online = true, Membership = ByteString.CopyFrom(_identity.Membership.Span) };
        return new Message { Lane = Lane.Control, RouteSnapshot = new RouteSnapshot { Version = ++_version, Entries = { Claims(5).Prepend(self) } } };
    }

    private Message Delta(ILink link) => _version == 0 ? Snapshot(link) : new Message
    {
        Lane = Lane.Control,
        RouteDelta = new RouteDelta { FromVersion = _version, ToVersion = ++_version, Upserts = { Claims(2) }, Removals = { _world.One(_world.Nodes).Name } },
    };

    // Of a few clusters that they hang below it since just now, and of as many that nobody has ever heard of.
    private List<RouteEntry> Claims(int most)
    {
        List<RouteEntry> claims = [];
        for (var left = (int)(_world.Random() * most) + 1; left > 0; left--)
        {
            var name = _claimed.Count > 0 && _world.Random() < 0.6 ? _world.One(_claimed).Name : $"{MadeUp}{_identity.Peer.Name}-{++_inventions}";
            claims.Add(new RouteEntry
            {
                Name = name,
                Uid = _world.Random() < 0.8 ? "u-" + name : "u-" + MadeUp,
                Parent = _identity.Peer.Name,
                Epoch = (ulong)(_world.Random() * LaterThanAll),
                Online = _world.Random() < 0.9,
                Managed = true,
                Membership = _world.Random() switch { < 0.4 => ByteString.Empty, < 0.7 => ByteString.CopyFrom(_identity.Membership.Span), _ => ByteString.CopyFrom([.. Bytes(), .. Bytes()]) },
            });
        }

        return claims;
    }

    private Message? Answer() => _commands.OneUid() is not { } uid ? null : new Message
    {
        Lane = Lane.Commands,
        Receipts = new ReceiptBatch
        {
            Receipts = { new Receipt { Cluster = _world.Random() < 0.8 ? Other() : $"{MadeUp}{_identity.Peer.Name}-{_inventions}", CommandUid = uid, Generation = 1, Entry = _world.Nodes[0].Name, Stage = Stage.Executed, Code = 200, AtUnixMilliseconds = _clock.GetUtcNow().ToUnixTimeMilliseconds() } },
        },
    };

    private Message? Delivered() => _messages.One() is not { } sent ? null : Say(new ClusterMessage
    {
        Id = ByteString.CopyFrom(Convert.FromHexString(sent.Id)),
        From = _spokenFor.Any(n => n.Name == sent.To) ? sent.To : _identity.Peer.Name,
        To = sent.From,
        Outcome = new MessageOutcome { State = MessageOutcome.Types.State.Delivered },
    });

    private Message Say() => Say(new ClusterMessage { Id = ByteString.CopyFrom(Bytes()), From = Other(), To = _world.One(_world.Nodes).Name, Data = new MessageData { Topic = "t" } });

    private static Message Say(ClusterMessage said)
    {
        said.RemainingMilliseconds = 3_600_000;
        return new Message { Lane = Lane.Work, ClusterMessage = said };
    }

    // What travels down only.
    private Message Order()
    {
        var name = _world.One(_world.Nodes).Name;
        return _world.Random() switch
        {
            < 0.4 => new Message { Lane = Lane.Control, NameVerdict = new NameVerdict { Name = name, Uid = "u-" + name, WinnerUid = _identity.Peer.Uid, Text = "made up" } },
            < 0.6 => new Message { Lane = Lane.Control, SetTags = new SetTags { Name = name, Generation = LaterThanAll } },
            < 0.8 => new Message { Lane = Lane.Control, SetPlacement = new SetPlacement { Name = name, PinnedParent = _identity.Peer.Name, Generation = LaterThanAll } },
            _ => new Message { Lane = Lane.Commands, Command = new Command { Entry = _world.Nodes[0].Name, CommandUid = "made-up", Generation = 1, Selector = name, Destination = "api", Method = "POST", Url = "/", RemainingMilliseconds = 60_000 } },
        };
    }

    private string Other() => _spokenFor.Count > 0 ? _world.One(_spokenFor).Name : _world.Nodes[0].Name;

    private byte[] Bytes() => [.. Enumerable.Range(0, 16).Select(_ => (byte)(_world.Random() * 256))];
}
