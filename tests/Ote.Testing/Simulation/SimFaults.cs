using Ote.Testing.Links;

namespace Ote.Testing.Simulation;

/// <summary>What goes wrong in a simulated world, one thing after the other and several at a time, until it is told to end.</summary>
/// <param name="world">Where.</param>
/// <param name="every">Mean virtual time from one to the next.</param>
/// <param name="commands">What a hostile cluster answers without being asked.</param>
/// <param name="messages">Of what messages it says that they have arrived.</param>
public sealed class SimFaults(SimWorld world, TimeSpan every, SimCommands commands, SimMessages messages)
{
    private readonly List<Task> _open = [];
    private readonly CancellationTokenSource _end = new();

    /// <summary>How many there were, by kind.</summary>
    public SortedDictionary<string, int> Counts { get; } = new(StringComparer.Ordinal);

    /// <summary>Goes on until the plan's steps are done.</summary>
    public async Task RunAsync()
    {
        while (world.Timeline.Steps < world.FaultsEnd)
        {
            await Task.Delay(every * -Math.Log(1 - world.Random()), world.Clock).ConfigureAwait(false);
            var (name, happen) = world.One(Kinds);
            Counts[name] = Counts.GetValueOrDefault(name) + 1;
            world.Plan.Log?.WriteLine($"{world.Timeline.Elapsed:hh\\:mm\\:ss\\.fff} FAULT {name}");
            _open.Add(happen(this));
        }
    }

    /// <summary>All that is wrong is mended, and whatever was killed is started.</summary>
    public async Task MendAsync()
    {
        await _end.CancelAsync().ConfigureAwait(false);
        world.Network.MendAll();
        await Task.WhenAll(_open).ConfigureAwait(false);
        world.Network.MendAll();
    }

    private static readonly (string Name, Func<SimFaults, Task> Happen)[] Kinds =
    [
        ("kill", f => f.KillAsync(silently: false)),
        ("power off", f => f.KillAsync(silently: true)),
        ("restart", static f => f.RestartAsync()),
        ("kill a branch", static f => f.KillBranchAsync()),
        ("many at once", static f => f.KillManyAsync()),
        ("cut to the parent", f => f.CutAsync(up: true, down: true)),
        ("half-open upwards", f => f.CutAsync(up: true, down: false)),
        ("half-open downwards", f => f.CutAsync(up: false, down: true)),
        ("isolated", static f => f.IsolateAsync()),
        ("partition", static f => f.PartitionAsync()),
        ("disk full", static f => f.FillAsync()),
        ("clock jumps", static f => f.JumpAsync()),
        ("slow uplink", static f => f.SlowAsync()),
        ("bad path", static f => f.MisbehaveAsync()),
        ("duplicate name", static f => f.DuplicateAsync()),
        ("hostile child", static f => f.LieAsync()),
    ];

    // From a moment to a minute and a half, short ones more often.
    private Task PassAsync() => PassAsync(TimeSpan.FromMilliseconds(50 * Math.Exp(world.Random() * 7.5)));

    private Task PassAsync(TimeSpan time) => Task.Delay(time, world.Clock, _end.Token).ContinueWith(
        static _ => { }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);

    private async Task KillAsync(bool silently)
    {
        var node = world.One(world.Nodes);
        node.Kill(silently);
        await PassAsync().ConfigureAwait(false);
        await StartAsync(node).ConfigureAwait(false);
    }

    private async Task RestartAsync()
    {
        var node = world.One(world.Nodes);
        await node.StopAsync().ConfigureAwait(false);
        await PassAsync().ConfigureAwait(false);
        await StartAsync(node).ConfigureAwait(false);
    }

    /// <summary>A cluster and the one above it at once, so that those below look for a place far away.</summary>
    private async Task KillBranchAsync()
    {
        var node = world.One(world.Nodes);
        var above = world.Find(node.Controller?.Parent);
        node.Kill(silently: true);
        above?.Kill(silently: false);
        await PassAsync().ConfigureAwait(false);
        await StartAsync(node).ConfigureAwait(false);
        if (above is not null)
        {
            await StartAsync(above).ConfigureAwait(false);
        }
    }

    /// <summary>A third of all dies in one moment and comes back in another: all of them join, and those below them move, at once.</summary>
    private async Task KillManyAsync()
    {
        var many = world.Nodes.Where(_ => world.Random() < 0.3).ToList();
        many.ForEach(n => n.Kill(silently: world.Random() < 0.5));
        await PassAsync().ConfigureAwait(false);
        await Task.WhenAll(many.Select(StartAsync)).ConfigureAwait(false);
    }

    private static async Task StartAsync(SimNode node)
    {
        if (!node.IsUp)
        {
            await node.StartAsync().ConfigureAwait(false);
        }
    }

    private async Task CutAsync(bool up, bool down)
    {
        var node = world.One(world.Nodes);
        if (world.Find(node.Controller?.Parent) is not { } parent)
        {
            return;
        }

        Set(node, parent, up, down);
        await PassAsync().ConfigureAwait(false);
        Mend(node, parent);
    }

    private Task IsolateAsync() => PartAsync(new HashSet<int> { world.One(world.Nodes).Number });

    private Task PartitionAsync() => PartAsync(world.Nodes.Where(_ => world.Random() < 0.3).Select(static n => n.Number).ToHashSet());

    private async Task PartAsync(IReadOnlySet<int> apart)
    {
        world.Network.Part(apart);
        await PassAsync().ConfigureAwait(false);
        world.Network.Join(apart);
    }

    private void Set(SimNode one, SimNode other, bool up, bool down)
    {
        if (one == other)
        {
            return;
        }

        if (up)
        {
            world.Network.Cut(one.Number, other.Number);
        }

        if (down)
        {
            world.Network.Cut(other.Number, one.Number);
        }
    }

    private void Mend(SimNode one, SimNode other)
    {
        world.Network.Mend(one.Number, other.Number);
        world.Network.Mend(other.Number, one.Number);
    }

    private async Task FillAsync()
    {
        var node = world.One(world.Nodes);
        node.Disk.IsFull = true;
        await PassAsync().ConfigureAwait(false);
        node.Disk.IsFull = false;
    }

    private Task JumpAsync()
    {
        world.One(world.Nodes).Skew = TimeSpan.FromHours((2 * world.Random()) - 1);
        return Task.CompletedTask;
    }

    private async Task SlowAsync()
    {
        var node = world.One(world.Nodes);
        world.Network.Limit(node.Number, 2000 + (long)(world.Random() * 50_000));
        await PassAsync().ConfigureAwait(false);
        world.Network.Limit(node.Number, null);
    }

    private async Task MisbehaveAsync()
    {
        var node = world.One(world.Nodes);
        node.Port?.Misbehave(new LinkFaults { Drop = 0.05, Duplicate = 0.05, Reorder = 0.05 });
        await PassAsync().ConfigureAwait(false);
        node.Port?.Misbehave(null);
    }

    private async Task DuplicateAsync()
    {
        if (SimDuplicate.Make(world, world.One(world.Clusters), messages) is not { } duplicate)
        {
            return;
        }

        await duplicate.StartAsync().ConfigureAwait(false);
        await PassAsync().ConfigureAwait(false);
        duplicate.End();
    }

    private async Task LieAsync()
    {
        var hostile = new SimHostile(world, commands, messages);
        hostile.Start();
        await PassAsync().ConfigureAwait(false);
        await hostile.EndAsync().ConfigureAwait(false);
    }
}
