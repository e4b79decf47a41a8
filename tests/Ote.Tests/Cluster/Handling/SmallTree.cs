using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using System.Threading.Channels;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Ote.Cluster.Handling;
using Ote.Cluster.Identity;
using Ote.Cluster.Journal;
using Ote.Cluster.Tunnel;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Kube.Resources;
using Ote.Kube.Server;
using Ote.Kube.Server.Access;
using Ote.Kube.Mirrors;
using Ote.Mirror.Reporting;
using Ote.Shim;
using Ote.Shim.Kubernetes.Kubernetes;

namespace Ote.Tests.Cluster.Handling;

/// <summary>A tree of controllers in one process over real TLS links on loopback; each leaf has an API server in memory behind its shim.</summary>
internal sealed class SmallTree : IAsyncDisposable
{
    private readonly ServiceProvider _services = new ServiceCollection().AddMetrics().BuildServiceProvider();
    private readonly Dictionary<string, ClusterController> _controllers = new(StringComparer.Ordinal);
    private readonly Dictionary<string, ApiServer> _apis = new(StringComparer.Ordinal);
    private readonly Random _random = new(1);
    private readonly ConcurrentDictionary<string, IPEndPoint> _addresses = new(StringComparer.Ordinal);
    private string? _token;
    private string? _pin;

    public string Folder { get; } = Directory.CreateTempSubdirectory("ote-tree-").FullName;

    /// <summary>The root's control API.</summary>
    public KubeClient Root { get; private set; } = null!;

    public ILoggerFactory Loggers { get; init; } = NullLoggerFactory.Instance;

    /// <summary>The controllers' clock; their APIs keep the system's.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>A last word on the options of each controller that is started.</summary>
    public Func<ClusterControllerOptions, ClusterControllerOptions> Adjust { get; set; } = options => options;

    /// <summary>Puts something between a controller, by its name, and the links it dials.</summary>
    public Func<string, IDialer, IDialer>? Wire { get; init; }

    /// <summary>What a controller keeps across restarts in place of its file; null: that.</summary>
    public Func<string, IJournal?> Journal { get; init; } = static _ => null;

    public ClusterController this[string name] => _controllers[name];

    public IMeterFactory Meters => _services.GetRequiredService<IMeterFactory>();

    /// <summary>What the root looks at to see whether commands took effect; null: nothing.</summary>
    public IObjectMirror? Mirror { get; set; }

    public static async Task<SmallTree> StartAsync(CancellationToken ct, Func<ClusterControllerOptions, ClusterControllerOptions>? adjust = null)
    {
        var tree = new SmallTree { Adjust = adjust ?? (static options => options) };
        await tree.StartRootAsync(ct);
        return tree;
    }

    public async Task StartRootAsync(CancellationToken ct)
    {
        var api = _apis["root"] = _apis.GetValueOrDefault("root") ?? await ApiAsync("root", Crds.Load(), ct);
        Root = api.CreateClient(new UserInfo("alice", [UserInfo.Masters]));
        _controllers["root"] = await ClusterController.StartAsync(
            Adjust(new ClusterControllerOptions { Name = "root", DataDirectory = Path.Combine(Folder, "root"), Listen = Listen("root") }),
            Parts(api.CreateClient(UserInfo.Component("cluster-controller")), null) with { Mirror = Mirror },
            ct);
        _pin = _controllers["root"].CaPin;
    }

    /// <summary>Where a controller listens: the same over its restarts.</summary>
    public IPEndPoint Listen(string name) => _addresses.GetOrAdd(name, static _ =>
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return (IPEndPoint)socket.LocalEndPoint!;
    });

    /// <summary>A token that admits any number without approval.</summary>
    public async Task<string> TokenAsync(CancellationToken ct, bool autoAccept = true)
    {
        var token = JoinTokenText.Create(RandomNumberGenerator.Fill);
        await Root.CreateAsync(Kinds.JoinTokens, null, new JsonObject
        {
            ["apiVersion"] = "ote.baidu.com/v1",
            ["kind"] = "JoinToken",
            ["metadata"] = new JsonObject { ["name"] = token.Id },
            ["spec"] = new JsonObject { ["secretHash"] = token.SecretHash, ["uses"] = 1000, ["autoAccept"] = autoAccept },
        }, ct);
        return token.Reveal();
    }

    /// <summary>Adds a controller. A leaf has a cluster behind its shim; <paramref name="control"/> gives a control API of its own.</summary>
    public async Task<ClusterController> AddAsync(
        string name, string parent, string[] tags, CancellationToken ct, bool leaf = true, bool control = false, string? token = null, IClusterShim? shim = null)
    {
        if (leaf && shim is null && !_apis.ContainsKey(name))
        {
            _apis[name] = await ApiAsync(name, [], ct);
        }

        var controlApi = control ? _apis[name + "/control"] = await ApiAsync(name, Crds.Load(), ct) : null;
        return _controllers[name] = await ClusterController.StartAsync(
            Adjust(new ClusterControllerOptions
            {
                Name = name,
                DataDirectory = Path.Combine(Folder, name),
                Parent = new Uri($"https://{Listen(parent)}"),
                Tags = tags,
                Listen = leaf ? null : Listen(name),
                JoinToken = token ?? (_token ??= await TokenAsync(ct)),
                CaPin = _pin,
            }),
            Parts(controlApi?.CreateClient(UserInfo.Component("cluster-controller")), shim ?? (leaf ? Shim(name) : null)) with
            {
                Journal = Journal(name),
                Dialer = Wire?.Invoke(name, new WebSocketDialer(() => ClusterIdentity.Load(Path.Combine(Folder, name, "identity"))!, Time)),
            },
            ct);
    }

    /// <summary>Starts a leaf once more, on a copy of its data directory and below another parent. The caller's to stop.</summary>
    public Task<ClusterController> TwinAsync(string name, string copy, string parent, CancellationToken ct) => ClusterController.StartAsync(
        Adjust(new ClusterControllerOptions { Name = name, DataDirectory = copy, Parent = new Uri($"https://{Listen(parent)}") }), Parts(null, Shim(name)), ct);

    /// <summary>Control API of a controller that was added with one.</summary>
    public KubeClient Control(string name) => _apis[name + "/control"].CreateClient(new UserInfo("bob", [UserInfo.Masters]));

    /// <summary>The API of the cluster behind a leaf, as its administrator.</summary>
    public KubeClient Cluster(string name) => _apis[name].CreateClient(UserInfo.Admin);

    /// <summary>Whether leaves report what there is in their clusters.</summary>
    public bool Reports { get; init; }

    public IClusterShim Shim(string name)
    {
        var shim = new KubernetesShim(
            Connect(), new KubernetesShimOptions(), new ShimMetrics(Meters), TimeProvider.System, Next, Loggers.CreateLogger<KubernetesShim>(), new HttpMessageInvoker(_apis[name].CreateHandler(UserInfo.Component("shim"))));
        return Reports
            ? ReportingShim.Around(shim, Connect(), Path.Combine(Folder, name + "-reports"), [new ReportedKind("configmaps", "", []), new ReportedKind("namespaces", "", [])], TimeProvider.System, Next, Loggers.CreateLogger("reports"))
            : shim;

        HttpClient Connect() => new(_apis[name].CreateHandler(UserInfo.Component("shim"))) { BaseAddress = new Uri("https://embedded/"), Timeout = Timeout.InfiniteTimeSpan };
    }

    public async Task StopAsync(string name)
    {
        var ending = EndAsync(_controllers[name]);
        await (Time is FakeTimeProvider ? WhileAsync(ending) : ending);
        _controllers.Remove(name);
    }

    /// <summary>Waits for a cluster's object at the root.</summary>
    public Task<JsonObject> ClusterIsAsync(string name, string status, CancellationToken ct, KubeClient? at = null) =>
        UntilAsync(at ?? Root, Kinds.Clusters, null, name, c => c.Text("status", "status") == status, ct);

    /// <summary>Creates a command at a control API.</summary>
    public async Task<JsonObject> CommandAsync(
        string name, string selector, string method, string url, string body, CancellationToken ct, KubeClient? at = null, string contentType = "application/json", Action<JsonObject>? more = null,
        JsonObject? annotations = null)
    {
        var spec = new JsonObject { ["clusterSelector"] = selector, ["destination"] = "api", ["method"] = method, ["url"] = url, ["body"] = body, ["contentType"] = contentType };
        more?.Invoke(spec);
        return await (at ?? Root).CreateAsync(Kinds.ClusterControllers, "default", new JsonObject
        {
            ["apiVersion"] = "ote.baidu.com/v1",
            ["kind"] = "ClusterController",
            ["metadata"] = new JsonObject { ["name"] = name, ["namespace"] = "default", ["annotations"] = annotations },
            ["spec"] = spec,
        }, ct);
    }

    /// <summary>Waits until a command is over.</summary>
    public Task<JsonObject> OverAsync(string name, CancellationToken ct, KubeClient? at = null, long generation = 1) => UntilAsync(
        at ?? Root, Kinds.ClusterControllers, "default", name,
        c => c.Whole("status", "observedGeneration") == generation && c.Text("status", "completionTime") is not null, ct);

    /// <summary>All results of a command, by cluster.</summary>
    public async Task<Dictionary<string, JsonObject>> ResultsAsync(string name, CancellationToken ct, KubeClient? at = null)
    {
        var pages = await (at ?? Root).ListAsync(Kinds.ClusterControllerResults, "default", new ListQuery($"ote.baidu.com/command={name},ote.baidu.com/page=results"), ct);
        return pages.Items.SelectMany(p => p.Items("results")!.OfType<JsonObject>()).ToDictionary(i => i.Text("cluster")!, StringComparer.Ordinal);
    }

    /// <summary>Waits until a controller stands as it should; it tells when that may have changed.</summary>
    public static async Task UntilAsync(ClusterController controller, Func<ClusterController, bool> condition, CancellationToken ct)
    {
        var changes = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
        void Note() => changes.Writer.TryWrite(true);
        controller.StandingChanged += Note;
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(ct);
        patience.CancelAfter(TimeSpan.FromSeconds(60));
        while (!condition(controller))
        {
            await changes.Reader.ReadAsync(patience.Token);
        }

        controller.StandingChanged -= Note;
    }

    public static async Task<JsonObject> UntilAsync(KubeClient api, ResourceRef kind, string? ns, string name, Func<JsonObject, bool> condition, CancellationToken ct)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(ct);
        patience.CancelAfter(TimeSpan.FromSeconds(60));
        JsonObject? last = null;
        try
        {
            while (true)
            {
                var list = await api.ListAsync(kind, ns, new ListQuery(FieldSelector: $"metadata.name={name}"), patience.Token);
                if (list.Items.FirstOrDefault(i => condition(last = i)) is { } found)
                {
                    return found;
                }

                await foreach (var change in api.WatchAsync(kind, ns, new ListQuery(FieldSelector: $"metadata.name={name}"), list.ResourceVersion, patience.Token))
                {
                    if (change.Type is WatchEventType.Added or WatchEventType.Modified && condition(last = change.Object))
                    {
                        return change.Object;
                    }
                }
            }
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            throw new TimeoutException($"{kind.Kind} {name} did not come to the wanted state; it is: {last?.ToJsonString() ?? "not there"}");
        }
    }

    /// <summary>Lets virtual time pass, little by little, until something has happened.</summary>
    /// <param name="happening">What is waited for.</param>
    /// <param name="step">How much passes at a time; 20 ms unless nothing runs that could be outrun.</param>
    public async Task<T> WhileAsync<T>(Task<T> happening, TimeSpan? step = null)
    {
        var clock = (FakeTimeProvider)Time;
        while (!happening.IsCompleted)
        {
            // Virtual time must not outrun the handshakes it sets off: a step takes a real millisecond.
            clock.Advance(step ?? TimeSpan.FromMilliseconds(20));
            await Task.WhenAny(happening, Task.Delay(TimeSpan.FromMilliseconds(1), TimeProvider.System));
        }

        return await happening;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var controller in _controllers.Values.Reverse())
        {
            var ending = EndAsync(controller);
            await (Time is FakeTimeProvider ? WhileAsync(ending) : ending);
        }

        foreach (var api in _apis.Values)
        {
            await api.DisposeAsync();
        }

        await _services.DisposeAsync();
        Directory.Delete(Folder, recursive: true);
    }

    private static async Task<bool> EndAsync(ClusterController controller)
    {
        await controller.DisposeAsync();
        return true;
    }

    private Task<ApiServer> ApiAsync(string name, IEnumerable<JsonObject> crds, CancellationToken ct) =>
        ApiServer.StartAsync(new ApiServerOptions { Name = name, InstallCrds = crds, Namespaces = [ClusterController.SystemNamespace] }, Loggers, TimeProvider.System, ct, Meters);

    private ClusterControllerParts Parts(KubeClient? control, IClusterShim? shim) =>
        new(Loggers, Meters, Time, Next) { ControlApi = control, ControlApiNamesRequester = true, Shim = shim };

    private double Next()
    {
        lock (_random)
        {
            return _random.NextDouble();
        }
    }
}
