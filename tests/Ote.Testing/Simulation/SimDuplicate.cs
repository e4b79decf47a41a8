using Ote.Cluster.Failover;
using Ote.Cluster.Tunnel;

namespace Ote.Testing.Simulation;

/// <summary>
/// A further machine with a whole controller of an existing cluster's name and another uid. Its certificate is of the tree's CA; the root's proof
/// of membership it has or not. Whoever it dials must tell it why it is refused, and what is meant for the true cluster must not come to it.
/// </summary>
/// <remarks>
/// It does not dial where the true cluster hangs, or hung: once that one is away, a parent takes the newcomer for a machine that was set up anew
/// under the old name, and gives it what waits for the name. Elsewhere the parent takes it in until word has come from whoever knows better. For that
/// long it would get commands for tags, so it has none, and gets messages from below the same parent, which are lost: <see cref="SimMessages.WentAstray"/>.
/// </remarks>
internal sealed class SimDuplicate
{
    // A refusal goes up to who knows better and back, over links that may have to be found lost first.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(40);
    private readonly SimWorld _world;
    private readonly SimMessages _messages;
    private readonly SimNode _true;
    private readonly SimNode _node;
    private readonly string _uid;
    private TimeSpan? _attachedSince;

    private SimDuplicate(SimWorld world, SimNode of, SimNode parent, SimMessages messages)
    {
        (_world, _true, _messages) = (world, of, messages);
        var number = world.NextStranger();
        _uid = "u-other-" + number;
        var identity = world.Identify(new PeerIdentity(of.Name, _uid));
        if (world.Random() < 0.5)
        {
            identity = new(identity.Certificate, identity.Authority);
        }

        _node = new SimNode(
            world, number, parent.Name, world.LeafOptions(of.Name, new Uri($"https://{parent.Options.Listen}")), identity,
            new SimSite(world.Timeline, number, of.Name, world.Random, world.Violate))
        {
            Dials = dialer => new Elsewhere(this, dialer),
            Hears = Heard,
        };
    }

    /// <summary>Below some parent that the true one does not hang below; null while there is none.</summary>
    public static SimDuplicate? Make(SimWorld world, SimNode of, SimMessages messages)
    {
        var parents = world.Parents.Where(n => n != of && !IsTrueParent(world, of, n)).ToList();
        return parents.Count == 0 ? null : new SimDuplicate(world, of, world.One(parents), messages);
    }

    public Task StartAsync()
    {
        _world.Watched.Add(Wrong);
        return _node.StartAsync();
    }

    /// <summary>Its process dies.</summary>
    public void End()
    {
        _node.Kill(silently: _world.Random() < 0.5);
        _world.Watched.Remove(Wrong);
    }

    private string? Wrong()
    {
        if (_node.Site!.Executions > 0)
        {
            return $"a command for {_true.Name} ran at its duplicate {_uid}";
        }

        if (_node.Controller is not { } controller)
        {
            return null;
        }

        foreach (var message in controller.Messages.Waiting == 0 ? [] : controller.Messages.Take(null, int.MaxValue))
        {
            _messages.WentAstray(message.Id);
        }

        var parent = _world.Find(controller.Parent);
        _attachedSince = !IsWhole(parent) ? null : _attachedSince ?? _world.Timeline.Elapsed;
        return _world.Timeline.Elapsed - _attachedSince > Patience ? $"the duplicate {_uid} of {_true.Name} has been below {parent!.Name} since {_attachedSince}"
            : _world.Nodes[0].Controller?.Below.Any(e => e.Uid == _uid) == true ? $"the root knows {_true.Name} as the duplicate {_uid}"
            : null;
    }

    // From there up to the root all links are up, as far as their lower ends know.
    private bool IsWhole(SimNode? from)
    {
        var at = from;
        while (at?.Home is not null)
        {
            at = _world.Find(at.Controller?.Parent);
        }

        return at is not null;
    }

    private void Heard(string line)
    {
        if (line.Contains("NameTaken", StringComparison.Ordinal) && !line.Contains($"'{_true.Name}'", StringComparison.Ordinal))
        {
            _world.Violate($"the duplicate of {_true.Name} is not told why it is refused: {line}");
        }
    }

    private static bool IsTrueParent(SimWorld world, SimNode of, SimNode node)
    {
        return of.Controller?.Parent == node.Name || Hangs(node) || Hangs(world.Nodes[0]);

        bool Hangs(SimNode by) => by.Controller?.Below.Any(e => e.Name == of.Name && e.Parent == node.Name) == true;
    }

    private sealed class Elsewhere(SimDuplicate duplicate, IDialer dialer) : IDialer
    {
        public Task<Dialed> DialAsync(Uri parent, Action? reached, CancellationToken ct) =>
            duplicate._world.Nodes.FirstOrDefault(n => n.Options.Listen?.ToString() == parent.Authority) is { } node && IsTrueParent(duplicate._world, duplicate._true, node)
                ? throw new IOException($"{duplicate._true.Name} hangs there")
                : dialer.DialAsync(parent, reached, ct);

        public Task<Probe> ProbeAsync(Uri parent, CancellationToken ct) => dialer.ProbeAsync(parent, ct);
    }
}
