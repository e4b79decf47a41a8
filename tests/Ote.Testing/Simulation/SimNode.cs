using Ote.Cluster.Handling;
using Ote.Cluster.Identity;
using Ote.Cluster.Tunnel;
using Ote.Kube.Client;
using Ote.Protocol.Tunnel;

namespace Ote.Testing.Simulation;

/// <summary>One simulated machine: what it keeps over the processes that run on it, and the process that runs.</summary>
public sealed class SimNode
{
    private readonly SimWorld _world;
    private readonly EpochCounter _epochs = EpochCounter.InMemory();
    private Run? _run;

    internal SimNode(SimWorld world, int number, string? home, ClusterControllerOptions options, ClusterIdentity? identity, SimSite? site)
    {
        (_world, Number, Home, Options, Identity, Site) = (world, number, home, options, identity, site);
        Disk = new SimDisk(world.Timeline, number, world.Random) { Slowest = world.Plan.SlowestFlush };
    }

    /// <summary>The machine's number on the network.</summary>
    public int Number { get; }

    /// <summary>The cluster's name.</summary>
    public string Name => Options.Name;

    /// <summary>The parent it was set up with; null for the root.</summary>
    public string? Home { get; }

    /// <summary>How its controller is started.</summary>
    public ClusterControllerOptions Options { get; }

    /// <summary>The cluster behind it; null for one that manages none.</summary>
    public SimSite? Site { get; }

    /// <summary>Its disk.</summary>
    public SimDisk Disk { get; }

    /// <summary>By how much its wall clock is ahead.</summary>
    public TimeSpan Skew { get; set; }

    /// <summary>Its controller; null while none runs.</summary>
    public ClusterController? Controller => _run?.Controller;

    /// <summary>Whether a process runs, or is just starting.</summary>
    public bool IsUp => _run is not null;

    /// <summary>The network of its process; null while none runs.</summary>
    public SimPort? Port => _run?.Port;

    internal ClusterIdentity? Identity { get; }

    /// <summary>Put between its controller and the network; null: nothing is.</summary>
    internal Func<IDialer, IDialer>? Dials { get; init; }

    /// <summary>Told each line that its controller logs; null: nobody is.</summary>
    internal Action<string>? Hears { get; init; }

    /// <summary>Starts a process. Completes when the controller works, or has died meanwhile.</summary>
    public async Task StartAsync()
    {
        var run = new Run(this);
        _run = run;
        await await Task.WhenAny(run.StartAsync(), run.Dead).ConfigureAwait(false);
    }

    /// <summary>The process ends at once, wherever it is.</summary>
    /// <param name="silently">With its machine, so that nobody is told.</param>
    public void Kill(bool silently)
    {
        var run = _run;
        _run = null;
        run?.Die(silently);
    }

    /// <summary>The process is stopped in good order.</summary>
    public async Task StopAsync()
    {
        var run = _run;
        _run = null;
        if (run is not null)
        {
            await await Task.WhenAny(run.StopAsync(), run.Dead).ConfigureAwait(false);
        }
    }

    /// <summary>One run of the controller.</summary>
    private sealed class Run
    {
        private readonly SimNode _node;
        private readonly SimClock _clock;
        private readonly SimDisk.SimJournal _journal;
        private readonly SimSite.SimShim? _shim;
        private readonly ApiGate? _gate;
        private readonly CancellationTokenSource _ends = new();
        private readonly TaskCompletionSource _dead = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private bool _isOver;

        public Run(SimNode node)
        {
            var world = node._world;
            _node = node;
            _clock = new SimClock(world.Timeline, node.Number, () => node.Skew);
            _journal = node.Disk.Open();
            _shim = node.Site?.Open();
            Port = world.Network.Open(node.Number, _clock);
            _gate = node.Options.Parent is null ? world.OpenApi() : null;
        }

        public SimPort Port { get; }

        public ClusterController? Controller { get; private set; }

        /// <summary>Whoever waits for a dead process waits for nothing.</summary>
        public Task Dead => _dead.Task;

        public async Task StartAsync()
        {
            var self = _node.Identity?.Peer ?? default;
            var world = _node._world;
            var controller = await ClusterController.StartAsync(
                _node.Options,
                new ClusterControllerParts(world.Loggers(_node), world.Meters, _clock, world.Random)
                {
                    ControlApi = _gate is null ? null : new KubeClient(new HttpClient(_gate) { BaseAddress = new Uri("https://embedded/"), Timeout = Timeout.InfiniteTimeSpan }),
                    ControlApiNamesRequester = true,
                    Dialer = _node.Dials?.Invoke(Port.DialerOf(self)) ?? Port.DialerOf(self),
                    Listener = Port,
                    Door = static (parent, _, _) => Task.FromException<JoinAnswer>(new IOException($"there is no door at {parent} in a simulation")),
                    Identity = _node.Identity,
                    Journal = _journal,
                    Epochs = _node._epochs,
                    Shim = _shim,
                },
                CancellationToken.None).ConfigureAwait(false);
            if (!_isOver)
            {
                Controller = controller;
                if (_node.Options.Parent is null && world.Reports is { } reports)
                {
                    _ = reports.FollowAsync(controller.FollowReportsAsync, _clock, world.Loggers(_node).CreateLogger("Ote.Mirror"), _ends.Token);
                }

                controller.StandingChanged += Moved;
                Moved();
            }
        }

        public void Die(bool silently)
        {
            End();
            _clock.Stop();
            Port.Die(silently);
            _journal.Die();
            _shim?.Die();
            _gate?.Die();
            _dead.TrySetResult();
        }

        public async Task StopAsync()
        {
            End();
            if (Controller is { } controller)
            {
                await controller.DisposeAsync().ConfigureAwait(false);
            }

            Die(silently: false);
        }

        private void End()
        {
            _isOver = true;
            _ends.Cancel();
            if (Controller is { } controller)
            {
                controller.StandingChanged -= Moved;
            }
        }

        private void Moved() => _node._world.Moved.Add(_node);
    }
}
