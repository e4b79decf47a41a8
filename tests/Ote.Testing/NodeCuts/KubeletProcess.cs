using Ote.Kube.Objects;
using Ote.Testing.Simulation;

namespace Ote.Testing.NodeCuts;

/// <summary>The node's kubelet over the processes that it runs in, as far as an API server hears of it. What it knows goes with its process; containers and manifests do not. One thread.</summary>
internal sealed class KubeletProcess(CutWorld world)
{
    private Run? _run;

    /// <summary>Static pods by name, and which edition of its manifest is in the kubelet's folder.</summary>
    public SortedDictionary<string, int> Manifests { get; } = new(StringComparer.Ordinal) { ["etcd"] = 1 };

    /// <summary>Whether the node's disk is full, which a condition of the node says.</summary>
    public bool HasPressure { get; set; }

    /// <summary>What it knows of pods; null while it does not run.</summary>
    public ApiFeed? Pods => _run?.Pods;

    /// <summary>What it knows of the configmap that its pods use; null while it does not run.</summary>
    public ApiFeed? Settings => _run?.Settings;

    /// <summary>What it says of pods; null while it does not run.</summary>
    public PodStatuses? Statuses => _run?.Statuses;

    /// <summary>What it says of the node; null while it does not run.</summary>
    public NodeReports? Reports => _run?.Reports;

    /// <summary>Starts it. Nothing when it runs.</summary>
    public void Start()
    {
        if (_run is null)
        {
            world.Story.Tell("kubelet starts");
            _run = new Run(world);
            _run.Start();
        }
    }

    /// <summary>It ends, wherever it is.</summary>
    public void Kill()
    {
        if (_run is { } run)
        {
            world.Story.Tell("kubelet ends");
            _run = null;
            run.Die();
        }
    }

    /// <summary>One process.</summary>
    private sealed class Run
    {
        private readonly CutWorld _world;
        private readonly SimClock _clock;
        private readonly CancellationTokenSource _ends = new();
        private readonly PodWorkers _workers;

        public Run(CutWorld world)
        {
            _world = world;
            _clock = new SimClock(world.Timeline, 3);
            var client = world.CreateClient("kubelet");
            Reports = new NodeReports(world, client, _clock);
            Pods = new ApiFeed(world, client, _clock, Kinds.Pods, null, $"spec.nodeName={CutWorld.Node}", () => _workers!.Wake());
            Settings = new ApiFeed(world, client, _clock, Kinds.ConfigMaps, "default", "metadata.name=settings", () => { });
            Statuses = new PodStatuses(world, client, _clock, Pods);
            _workers = new PodWorkers(world, client, _clock, Pods, Statuses, Reports);
        }

        public ApiFeed Pods { get; }

        public ApiFeed Settings { get; }

        public PodStatuses Statuses { get; }

        public NodeReports Reports { get; }

        public void Start()
        {
            foreach (var loop in (Func<CancellationToken, Task>[])[Pods.RunAsync, Settings.RunAsync, _workers.RunAsync, Statuses.RunAsync, Reports.ReportAsync, Reports.LeaseAsync])
            {
                _ = GuardAsync(loop);
            }
        }

        public void Die()
        {
            _ends.Cancel();
            _clock.Stop();
        }

        private async Task GuardAsync(Func<CancellationToken, Task> loop)
        {
            try
            {
                await loop(_ends.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (_ends.IsCancellationRequested)
            {
                // It died.
            }
#pragma warning disable CA1031 // Nothing in the world gives cause for it.
            catch (Exception fault)
#pragma warning restore CA1031
            {
                _world.Story.Violate($"the kubelet failed: {fault}");
            }
        }
    }
}
