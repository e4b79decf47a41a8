using System.Diagnostics.Metrics;
using System.Net;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Ote.Cluster.Handling;
using Ote.EdgeCluster;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Kube.Resources;
using Ote.Kube.Server;
using Ote.Kube.Server.Access;
using Ote.Kube.Server.Http;
using Ote.Mirror.Applying;
using Ote.Mirror.Reporting;
using Ote.Shim;
using Ote.Shim.Kubernetes.Kubernetes;

namespace Ote.Center.Up;

/// <summary>The running tree: every controller with its own identity and directory, joined over real TLS links on loopback.</summary>
internal sealed class Tree : IAsyncDisposable
{
    /// <summary>Who the job acts as, at the root and at real clusters.</summary>
    public const string Administrator = "kubernetes-admin";

    private const int MostKubeconfigs = 16;
    private const int StartedAtOnce = 8;
    private static readonly TimeSpan JoinPatience = TimeSpan.FromMinutes(3);

    private readonly Stack<IAsyncDisposable> _owned = new();
    private readonly Dictionary<string, ClusterController> _controllers = new(StringComparer.Ordinal);
    private readonly Lock _gate = new();
    private readonly DataDirectory _data;
    private readonly Waiting _waiting = new();
    private readonly ServiceProvider _services;
    private readonly TimeProvider _time;
#pragma warning disable RS0030 // Chance comes in here, where the process is put together.
    private readonly Random _random = new();
#pragma warning restore RS0030
    private KubeClient? _root;
    private MirrorStore? _mirror;

    private Tree(DataDirectory data, ServiceProvider services, TimeProvider time)
    {
        (_data, _services, _time) = (data, services, time);
        Loggers = services.GetRequiredService<ILoggerFactory>();
        Meters = services.GetRequiredService<IMeterFactory>();
    }

    /// <summary>Clusters in the tree, the root included.</summary>
    public int Count => _controllers.Count;

    /// <summary>The root's control API.</summary>
    public KubeClient RootApi => _root ?? throw new InvalidOperationException("the tree has not been started");

    /// <summary>Kubeconfig file of the root's control API.</summary>
    public string Kubeconfig => Path.Combine(_data.Path, "kubeconfig");

    /// <summary>Kubeconfig file of the first leaf, when leaves listen.</summary>
    public string? FirstLeafKubeconfig { get; private set; }

    private ILoggerFactory Loggers { get; }

    private IMeterFactory Meters { get; }

    /// <summary>Starts everything and waits until all clusters are online at the root.</summary>
    public static async Task<Tree> StartAsync(UpOptions options, Screen screen, TimeProvider time, CancellationToken stop)
    {
        var tree = new Tree(DataDirectory.Take(options.Data), Services(options.Verbose), time);
        try
        {
            var made = TreeMake.Of(options, TreeMake.Read(tree._data.Path));
            made.Check();
            await RealAccess.CheckAsync(made, options, time, stop).ConfigureAwait(false);
            made.Write(tree._data.Path);
            var plan = TreePlan.Make(made.Clusters, made.Real);
            var api = await tree.ServeRootApiAsync(options.ApiPort, stop).ConfigureAwait(false);
            screen.Line($"starting {plan.Count} clusters in {tree._data.Path}");
            await tree.StartAsync(plan[0], new IPEndPoint(IPAddress.Loopback, 0), null, null, api.CreateClient(UserInfo.Component("cluster-controller")), null, stop).ConfigureAwait(false);
            var token = await tree.CreateTokenAsync(plan.Count, stop).ConfigureAwait(false);
            var leaves = plan.Count(p => p.IsLeaf);
            using var ready = CancellationTokenSource.CreateLinkedTokenSource(stop);
            var telling = tree.TellProgressAsync(plan, screen, ready.Token);
            try
            {
                foreach (var level in plan.Skip(1).GroupBy(p => p.IsLeaf).OrderBy(g => g.Key))
                {
                    await Parallel.ForEachAsync(
                        level,
                        new ParallelOptions { MaxDegreeOfParallelism = StartedAtOnce, CancellationToken = stop },
                        async (planned, ct) => await tree.StartBelowAsync(planned, token, leaves <= MostKubeconfigs, ct).ConfigureAwait(false)).ConfigureAwait(false);
                }

                await tree.WaitUntilOnlineAsync(plan, stop).ConfigureAwait(false);
            }
            finally
            {
                await ready.CancelAsync().ConfigureAwait(false);
                await telling.ConfigureAwait(false);
            }

            return tree;
        }
        catch
        {
            await tree.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        while (true)
        {
            IAsyncDisposable? last;
            lock (_gate)
            {
                if (!_owned.TryPop(out last))
                {
                    break;
                }
            }

            await last.DisposeAsync().ConfigureAwait(false);
        }

        _root?.Dispose();
        await _services.DisposeAsync().ConfigureAwait(false);
        _data.Dispose();
    }

    private static ServiceProvider Services(bool verbose)
    {
        var services = new ServiceCollection();
        services.AddMetrics();
        services.AddLogging(log =>
        {
            log.SetMinimumLevel(verbose ? LogLevel.Information : LogLevel.None);
            log.AddFilter("Microsoft", verbose ? LogLevel.Warning : LogLevel.None);
            // A listener that cannot start is told by the exception that its caller turns into one line.
            log.AddFilter("Microsoft.Extensions.Hosting", LogLevel.None);
            log.AddSimpleConsole(o => o.SingleLine = true);
            services.Configure<Microsoft.Extensions.Logging.Console.ConsoleLoggerOptions>(o => o.LogToStandardErrorThreshold = LogLevel.Trace);
        });
        return services.BuildServiceProvider();
    }

    /// <summary>First of all: a port that is taken is told before anything is said to start.</summary>
    private async Task<ApiServer> ServeRootApiAsync(int port, CancellationToken stop)
    {
        var folder = Path.Combine(_data.Of("root"), "mirror");
        Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        var mirror = _mirror = Own(MirrorStore.Open(new MirrorOptions { Directory = folder }, _time, Loggers.CreateLogger("Ote.Mirror")));
        var api = Own(await ApiServer.StartAsync(
            new ApiServerOptions { BootstrapRoles = true, Mirror = mirror, Clusters = new Gate(this), Name = "root", DataDirectory = Path.Combine(_data.Of("root"), "api"), InstallCrds = Crds.Load(), Namespaces = [ClusterController.SystemNamespace] },
            Loggers, _time, stop, Meters).ConfigureAwait(false));
        IPEndPoint served;
        try
        {
            served = await api.ListenAsync(new IPEndPoint(IPAddress.Loopback, port), stop).ConfigureAwait(false);
        }
        catch (IOException taken)
        {
            throw new UpException($"port {port} on loopback is not free for the root's API; end what uses it, or choose another with --api-port (0 takes any free one)", taken);
        }

        await api.WriteAdminKubeconfigAsync(Kubeconfig, new Uri($"https://{served}"), stop).ConfigureAwait(false);
        _root = api.CreateClient(new UserInfo(Administrator, [UserInfo.Masters]));
        return api;
    }

    private async Task StartBelowAsync(PlannedCluster planned, string token, bool listen, CancellationToken stop)
    {
        IClusterShim? shim = null;
        if (planned.Kubeconfig is { } real)
        {
            var endpoint = Ote.Kube.Client.Kubeconfig.Load(real);
            shim = Shim(planned.Name, endpoint.CreateHttpClient(_time).BaseAddress!, () => endpoint.CreateHandler(_time), endpoint.CreateLiveInvoker(_time));
        }
        else if (planned.IsLeaf)
        {
            shim = Shim(planned.Name, new Uri("https://embedded/"), await StartEdgeClusterAsync(planned.Name, listen, stop).ConfigureAwait(false));
        }

        var children = planned.IsLeaf ? null : new IPEndPoint(IPAddress.Loopback, 0);
        await StartAsync(planned, children, _controllers[planned.Parent!], token, null, shim, stop).ConfigureAwait(false);
    }

    private async Task<Func<HttpMessageHandler>> StartEdgeClusterAsync(string name, bool listen, CancellationToken stop)
    {
        var folder = Path.Combine(_data.Of(name), "cluster");
        Directory.CreateDirectory(folder);
        var options = new EdgeClusterOptions { Name = name, DataDirectory = folder };
        var cluster = Own(await EdgeCluster.EdgeCluster.StartAsync(
            options with { Server = options.Server with { BootstrapRoles = listen } }, Loggers, _time, NextRandom, stop).ConfigureAwait(false));
        if (listen)
        {
            var served = await cluster.Server.ListenAsync(new IPEndPoint(IPAddress.Loopback, 0), stop).ConfigureAwait(false);
            var kubeconfig = Path.Combine(_data.Path, name, "kubeconfig");
            await cluster.WriteAdminKubeconfigAsync(kubeconfig, new Uri($"https://{served}"), stop).ConfigureAwait(false);
            lock (_gate)
            {
                FirstLeafKubeconfig = string.CompareOrdinal(kubeconfig, FirstLeafKubeconfig ?? "~") < 0 ? kubeconfig : FirstLeafKubeconfig;
            }
        }

        return () => cluster.CreateHandler(UserInfo.Component("shim"));
    }

    private ReportingShim Shim(string name, Uri server, Func<HttpMessageHandler> connect, HttpMessageInvoker? live = null)
    {
        HttpClient Client() => new(connect()) { BaseAddress = server, Timeout = Timeout.InfiniteTimeSpan };
        return ReportingShim.Around(
            new KubernetesShim(Client(), new KubernetesShimOptions(), new ShimMetrics(Meters), _time, NextRandom, Loggers.CreateLogger<KubernetesShim>(), live ?? new HttpMessageInvoker(connect())),
            Client(), Path.Combine(_data.Of(name), "reports"), null, _time, NextRandom, Loggers.CreateLogger("Ote.Mirror.Reporting"));
    }

    private async Task StartAsync(
        PlannedCluster planned, IPEndPoint? listen, ClusterController? parent, string? token, KubeClient? control, IClusterShim? shim, CancellationToken stop)
    {
        var controller = Own(await ClusterController.StartAsync(
            new ClusterControllerOptions
            {
                Name = planned.Name,
                DataDirectory = _data.Of(planned.Name),
                Parent = parent is null ? null : new Uri($"https://{parent.ListenAddress}"),
                Tags = planned.Tags,
                Listen = listen,
                JoinToken = token,
                CaPin = parent is null ? null : _controllers["root"].CaPin,
            },
            new ClusterControllerParts(_waiting.Loggers(planned.Name, Loggers), Meters, _time, NextRandom) { ControlApi = control, ControlApiNamesRequester = true, Shim = shim, Mirror = control is null ? null : _mirror },
            stop).ConfigureAwait(false));
        lock (_gate)
        {
            _controllers.Add(planned.Name, controller);
        }

        if (parent is null)
        {
            Own(new Running(new TreeFollower(_mirror!, controller.FollowReportsAsync, _time, NextRandom, Loggers.CreateLogger("Ote.Mirror")).RunAsync));
        }
    }

    private async Task<string> CreateTokenAsync(int uses, CancellationToken stop)
    {
        var token = JoinTokenText.Create(RandomNumberGenerator.Fill);
        await RootApi.CreateAsync(
            Kinds.JoinTokens,
            null,
            new JsonObject
            {
                ["apiVersion"] = Kinds.JoinTokens.ApiVersion,
                ["kind"] = Kinds.JoinTokens.Kind,
                ["metadata"] = new JsonObject { ["name"] = token.Id },
                ["spec"] = new JsonObject
                {
                    ["secretHash"] = token.SecretHash,
                    ["expiresAt"] = (_time.GetUtcNow() + TimeSpan.FromMinutes(10)).ToKubeTime(),
                    ["uses"] = uses,
                    ["autoAccept"] = true,
                },
            },
            stop).ConfigureAwait(false);
        return token.Reveal();
    }

    private async Task<HashSet<string>> MissingAsync(IEnumerable<PlannedCluster> plan, CancellationToken stop)
    {
        var missing = plan.Select(p => p.Name).ToHashSet(StringComparer.Ordinal);
        var clusters = await RootApi.ListAsync(Kinds.Clusters, null, null, stop).ConfigureAwait(false);
        missing.ExceptWith(clusters.Items.Where(c => c.Text("status", "status") == "online").Select(c => c.Name()));
        return missing;
    }

    /// <summary>Says now and then how far it is, and what it waits for, as long as nothing else is to be seen.</summary>
    private async Task TellProgressAsync(IReadOnlyCollection<PlannedCluster> plan, Screen screen, CancellationToken ready)
    {
        try
        {
            while (true)
            {
                await Task.Delay(Screen.Silence, _time, ready).ConfigureAwait(false);
                var missing = await MissingAsync(plan, ready).ConfigureAwait(false);
                screen.Line($"{plan.Count - missing.Count} of {plan.Count} clusters online; waiting for {_waiting.For(missing)}");
            }
        }
        catch (OperationCanceledException) when (ready.IsCancellationRequested)
        {
            // All are there, or it is given up.
        }
    }

    private async Task WaitUntilOnlineAsync(IReadOnlyList<PlannedCluster> plan, CancellationToken stop)
    {
        using var patience = new CancellationTokenSource(JoinPatience, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(stop, patience.Token);
        HashSet<string> missing = [];
        try
        {
            while ((missing = await MissingAsync(plan, either.Token).ConfigureAwait(false)).Count > 0)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(50), _time, either.Token).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (!stop.IsCancellationRequested)
        {
            throw new UpException(
                $"{missing.Count} of {plan.Count} clusters did not come online within {JoinPatience.TotalMinutes} minutes: {_waiting.For(missing)}; run again with --verbose to see more");
        }
    }

    /// <summary>Leads from the root's API into those of all clusters, once the root's controller runs.</summary>
    private sealed class Gate(Tree tree) : IClusterGate
    {
        public Task ForwardAsync(HttpContext context, string cluster, UserInfo user, string target)
        {
            ClusterController? root;
            lock (tree._gate)
            {
                tree._controllers.TryGetValue("root", out root);
            }

            if (root is not null)
            {
                return root.ForwardAsync(context, cluster, user.Name, user.Groups, target);
            }

            context.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
            return Task.CompletedTask;
        }
    }

    /// <summary>Something that runs until it is disposed.</summary>
    private sealed class Running : IAsyncDisposable
    {
        private readonly CancellationTokenSource _stop = new();
        private readonly Task _task;

        public Running(Func<CancellationToken, Task> run) => _task = Task.Run(() => run(_stop.Token));

        public async ValueTask DisposeAsync()
        {
            await _stop.CancelAsync().ConfigureAwait(false);
            await _task.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            _stop.Dispose();
        }
    }

    private T Own<T>(T part)
        where T : IAsyncDisposable
    {
        lock (_gate)
        {
            _owned.Push(part);
        }

        return part;
    }

    private double NextRandom()
    {
        lock (_random)
        {
            return _random.NextDouble();
        }
    }
}
