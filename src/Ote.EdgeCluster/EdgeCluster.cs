using System.Diagnostics.Metrics;
using Microsoft.Extensions.Logging;
using Ote.EdgeCluster.Budgets;
using Ote.EdgeCluster.Jobs;
using Ote.EdgeCluster.Namespaces;
using Ote.EdgeCluster.Nodes;
using Ote.EdgeCluster.Runtimes;
using Ote.EdgeCluster.Services;
using Ote.EdgeCluster.Storage;
using Ote.EdgeCluster.Workloads;
using Ote.Flow;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Kube.Reconciling;
using Ote.Kube.Server;
using Ote.Kube.Server.Access;

namespace Ote.EdgeCluster;

/// <summary>
/// A lightweight edge cluster in the process: an embedded API server, the controllers a workload needs, and nodes whose
/// runtime is simulated. Thread-safe. Hundreds fit in one process: a cluster has one watch for each kind, one work queue,
/// no thread, and no timer that runs while nothing is due but its nodes' leases.
/// </summary>
/// <remarks>
/// With a data directory it comes back after a kill as it was: nodes and pods keep their identity, and pods that ran go on
/// with their address and restart counts, since to simulated pods the end of the process is not an event.
/// </remarks>
public sealed class EdgeCluster : IAsyncDisposable
{
    private const int Workers = 4;

    private readonly CancellationTokenSource _stop = new();
    private readonly List<Task> _running = [];
    private readonly List<SimulatedRuntime> _runtimes = [];
    private readonly WorkQueue<string> _queue;
    private readonly KubeClient _client;
    private int _disposed;

    private EdgeCluster(EdgeClusterOptions options, ApiServer server, TimeProvider time, Func<double> random)
    {
        Name = options.Name;
        Server = server;
        _client = server.CreateClient(UserInfo.Component("edge-cluster"));
        _queue = new WorkQueue<string>(time, random);
    }

    /// <summary>The cluster's name.</summary>
    public string Name { get; }

    /// <summary>Its API server, for mounting in a host or listening. It belongs to the cluster: do not dispose it.</summary>
    public ApiServer Server { get; }

    /// <summary>The runtimes of its nodes, in the nodes' order, for scripting trouble.</summary>
    public IReadOnlyList<SimulatedRuntime> Runtimes => _runtimes;

    /// <summary>Whether its controllers work on something now. For tests, which let time pass only when nothing is left to do at the present one.</summary>
    internal bool IsBusy => _queue.IsBusy;

    /// <summary>
    /// Starts a cluster, or takes up the one its data directory holds. When it completes the API serves, the nodes are
    /// registered and pods that ran are running.
    /// </summary>
    /// <param name="options">How it runs.</param>
    /// <param name="loggers">Where it logs.</param>
    /// <param name="time">The clock.</param>
    /// <param name="random">Uniform in [0, 1); called from several threads.</param>
    /// <param name="cancellation">Gives up starting.</param>
    /// <param name="meters">Where the API server's meter is made; null: it measures nothing.</param>
    /// <exception cref="ArgumentException">An option is out of range; all of them are named.</exception>
    /// <exception cref="IOException">The data directory is in use, not writable, or damaged.</exception>
    public static async Task<EdgeCluster> StartAsync(
        EdgeClusterOptions options, ILoggerFactory loggers, TimeProvider time, Func<double> random, CancellationToken cancellation, IMeterFactory? meters = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(loggers);
        options.Check();
        var log = loggers.CreateLogger("Ote.EdgeCluster");
        var server = await ApiServer.StartAsync(options.Server with { Name = options.Name, DataDirectory = options.DataDirectory, PodStreams = new SimulatedStreams(), PodsEndGracefully = true }, loggers, time, cancellation, meters)
            .ConfigureAwait(false);
        var cluster = new EdgeCluster(options, server, time, random);
        try
        {
            await cluster.BeginAsync(options, log, time, random, cancellation).ConfigureAwait(false);
            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Reaches the cluster's API without a socket, as <paramref name="user"/>; for a shim in the same process.</summary>
    public HttpMessageHandler CreateHandler(UserInfo user) => Server.CreateHandler(user);

    /// <summary>Writes a kubeconfig of the administrator, readable by the owner alone.</summary>
    /// <param name="path">The file; its folder must exist.</param>
    /// <param name="server">URL under which clients reach the cluster.</param>
    /// <param name="cancellation">Gives up.</param>
    public Task WriteAdminKubeconfigAsync(string path, Uri server, CancellationToken cancellation = default) =>
        Server.WriteAdminKubeconfigAsync(path, server, cancellation);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
        {
            return;
        }

        await _stop.CancelAsync().ConfigureAwait(false);
        foreach (var runtime in _runtimes)
        {
            await runtime.DisposeAsync().ConfigureAwait(false);
        }

        await Task.WhenAll(_running).ConfigureAwait(false);
        _client.Dispose();
        await Server.DisposeAsync().ConfigureAwait(false);
        _queue.Dispose();
        _stop.Dispose();
    }

    private async Task BeginAsync(EdgeClusterOptions options, ILogger log, TimeProvider time, Func<double> random, CancellationToken cancellation)
    {
        var view = new ClusterView(_client, time, random, log);
        var events = new EventRecorder(_client, options.MaxEvents, time, log);
        var unplaced = new Unplaced(_queue);
        var agents = Agents(options, view, events, time, log);
        // The scheduler hears of pods before anybody is woken for them.
        var scheduler = new PodScheduler(view, unplaced, events, time);
        _ = new Wakeups(view, _queue, unplaced);
        var nodes = new NodeController(view, agents, options.LeaseInterval, events, time, random, log);
        var controllers = Controllers(options, view, events, time, log)
            .Concat([scheduler, nodes, new PodController(view, unplaced, events, time, agents), new NodeLifecycleController(view, options.LeaseInterval, events, time, log)])
            .ToDictionary(c => c.Work, StringComparer.Ordinal);

        Server.OnAdded(view.Noticed);
        var ready = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _running.Add(view.RunAsync(ready, _stop.Token));
        await ready.Task.WaitAsync(cancellation).ConfigureAwait(false);
        foreach (var agent in agents.Values)
        {
            await agent.RestoreAsync(view.Pods.Find(IndexKeys.Node(agent.Name)), cancellation).ConfigureAwait(false);
            await nodes.ReconcileAsync(agent.Name, cancellation).ConfigureAwait(false);
            _queue.Add(WorkKey.Of(Kinds.Nodes, agent.Name));
        }

        Task<Next> ReconcileAsync(string work, CancellationToken stop)
        {
            var (name, key) = WorkKey.Split(work);
            return controllers[name].ReconcileAsync(key, stop);
        }

        _running.Add(new Reconciler(options.Name, _queue, ReconcileAsync, Workers, log).RunAsync(_stop.Token));
        _running.Add(Loop.RunAsync(
            $"events of {options.Name}", events.RunAsync, new Backoff(BackoffOptions.Default, random), TimeSpan.FromMinutes(1), time, log, _stop.Token));
        log.ClusterReady(options.Name, options.Nodes, view.Pods.Count);
    }

    private Dictionary<string, NodeAgent> Agents(EdgeClusterOptions options, ClusterView view, EventRecorder events, TimeProvider time, ILogger log)
    {
        var agents = new Dictionary<string, NodeAgent>(StringComparer.Ordinal);
        for (var index = 0; index < options.Nodes; index++)
        {
            var name = $"{options.Name}-node-{index + 1}";
            var runtime = new SimulatedRuntime(index, options.Simulated, time, log);
            runtime.PodChanged += pod => _queue.Add(WorkKey.Of(Kinds.Pods, pod.Key));
            var agent = new NodeAgent(name, runtime, view, events);
            runtime.NodeChanged += () => OnNodeChanged(view, agent);
            _runtimes.Add(runtime);
            agents.Add(name, agent);
        }

        return agents;
    }

    /// <summary>The controllers of everything but pods and nodes.</summary>
    private List<IController> Controllers(EdgeClusterOptions options, ClusterView view, EventRecorder events, TimeProvider time, ILogger log)
    {
        var revisions = new RevisionKeeper(view, log);
        List<IController> controllers =
        [
            new DeploymentController(view, events, time, log),
            new ReplicaSetController(view, events, time),
            new DaemonSetController(view, revisions, events, time),
            new StatefulSetController(view, revisions, events, time),
            new JobController(view, events, time),
            new CronJobController(view, events, time),
            new ServiceController(view),
            new BudgetController(view, time),
            new ClaimController(view, events),
        ];
        if (options.ProvisionsNamespaces)
        {
            view.WatchNamespaces();
            controllers.Add(new NamespaceController(view, Server.AuthorityPem));
        }

        return controllers;
    }

    private void OnNodeChanged(ClusterView view, NodeAgent agent)
    {
        _queue.Add(WorkKey.Of(Kinds.Nodes, agent.Name));
        foreach (var key in view.Pods.Find(IndexKeys.Node(agent.Name)).Select(p => p.Key()).Union(agent.Holds))
        {
            _queue.Add(WorkKey.Of(Kinds.Pods, key));
        }
    }
}
