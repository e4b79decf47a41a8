using Ote.Cluster.Failover;
using Ote.Cluster.Identity;
using Ote.Cluster.Tunnel;
using Ote.Protocol.Tunnel;

namespace Ote.Testing.Simulation;

/// <summary>
/// A member of the tree under a name of its own, without tags and without anything behind it, that says whatever a link can carry: routes to
/// others and to clusters that are not there, receipts, messages and verdicts in others' names. Nothing of it may count.
/// </summary>
internal sealed class SimHostile : ILinkHandler
{
    private static readonly TimeSpan Often = TimeSpan.FromSeconds(1);
    private readonly SimWorld _world;
    private readonly SimClock _clock;
    private readonly SimPort _port;
    private readonly ClusterIdentity _identity;
    private readonly EdgeTunnel _tunnel;
    private readonly SimLies _lies;
    private readonly CancellationTokenSource _end = new();

    public SimHostile(SimWorld world, SimCommands commands, SimMessages messages)
    {
        _world = world;
        var number = world.NextStranger();
        _clock = new SimClock(world.Timeline, number);
        _port = world.Network.Open(number, _clock);
        _identity = world.Identify(new PeerIdentity($"e{number}", $"u-e{number}"));
        world.Members.Add(_identity.Peer.Name);
        _lies = new SimLies(world, _identity, _clock, commands, messages);
        var loggers = world.Loggers(_identity.Peer.Name);
        var parent = world.One(world.Parents);
        _tunnel = new EdgeTunnel(
            new TunnelRuntime(_clock, world.Meters, loggers, world.Random, _lies.Bytes()),
            new EdgeTunnelOptions { Tunnel = SimWorld.Uncompressed },
            _identity.Peer,
            new ParentSeeker(new FailoverOptions(), new Uri($"https://{parent.Options.Listen}"), [], null, _clock, world.Random, loggers.CreateLogger("")),
            _port.DialerOf(_identity.Peer),
            this,
            new EdgeFacts
            {
                NextEpoch = EpochCounter.InMemory().Next,
                Membership = () => _identity.Membership,
                Digest = () => _lies.Version,
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
        _world.Watched.Remove(Wrong);
        var objects = await _world.Operator.ListAsync(Kube.Objects.Kinds.Clusters, null, null, CancellationToken.None).ConfigureAwait(false);
        foreach (var invented in objects.Items.Select(static c => c["metadata"]!["name"]!.ToString()).Where(static n => n.StartsWith(SimLies.MadeUp, StringComparison.Ordinal)))
        {
            _world.Violate($"{invented}, which {_identity.Peer.Name} made up, has a Cluster object");
        }
    }

    public void Attached(ILink link, Welcome welcome, Hello? hello) => link.TrySend(_lies.Snapshot(link));

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
            link.TrySend(_lies.Snapshot(link));
        }

        return ValueTask.CompletedTask;
    }

    private string? Wrong() => _world.Nodes[0].Controller?.Below.FirstOrDefault(static e => e.Name.StartsWith(SimLies.MadeUp, StringComparison.Ordinal)) is { } invented
        ? $"the root routes to {invented.Name}, which {_identity.Peer.Name} made up"
        : null;

    private async Task SpeakAsync()
    {
        while (!_end.IsCancellationRequested)
        {
            await Task.Delay(Often * -Math.Log(1 - _world.Random()), _clock).ConfigureAwait(false);
            if (_tunnel.Link is { IsUp: true } link && !_end.IsCancellationRequested && _lies.Next(link) is { } lie)
            {
                link.TrySend(lie);
            }
        }
    }
}
