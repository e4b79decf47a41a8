using System.Diagnostics.Metrics;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Ote.EdgeHub.Cache;
using Ote.EdgeHub.K3s;
using Ote.EdgeHub.Offline;
using Ote.EdgeHub.Proxy;
using Ote.EdgeHub.Sharing;
using Ote.EdgeHub.Upstream;
using Ote.EdgeHub.Witness;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Kube.Server;
using Ote.Kube.Server.Access;
using Ote.Kube.Server.Hosting;
using Ote.Kube.Server.Http;
using Ote.Kube.Server.Store;
using Yarp.ReverseProxy.Forwarder;

namespace Ote.EdgeHub;

/// <summary>
/// The API server of a node, as far as the node's components are concerned: it passes their requests on to the cluster's API servers while one answers, and answers from what it has kept while none does. Thread-safe.
/// </summary>
public sealed class EdgeHub : IAsyncDisposable
{
    private static readonly TimeSpan TriedAgain = TimeSpan.FromSeconds(5);
    private readonly CancellationTokenSource _stopping = new();
    private readonly List<IDisposable> _owned = [];
    private readonly ServerPki _pki;
    private readonly NodeCache _cache;
    private readonly Followers _followers;
    private readonly NodeConnection _connection;
    private readonly HubDispatcher _dispatcher;
    private readonly UpstreamServers _servers;
    private readonly HealthProbe _probe;
    private readonly ServerDiscovery? _discovery;
    private readonly PeerWitness _witness;
    private readonly KnownKinds _kinds;
    private readonly SharedReads _shared;
    private readonly ObjectServer _objects;
    private readonly EdgeHubOptions _options;
    private readonly ILoggerFactory _loggers;
    private readonly TimeProvider _time;
    private Listener? _listener;
    private Listener? _forAgent;
    private Task _running = Task.CompletedTask;

    private EdgeHub(EdgeHubOptions options, ILoggerFactory loggers, TimeProvider time, Func<double> random, IMeterFactory? meters)
    {
        (_options, _loggers, _time) = (options, loggers, time);
        var log = loggers.CreateLogger("Ote.EdgeHub");
        var servers = _servers = new UpstreamServers(options.Servers, log, options.Balance);
        var shared = _shared = new SharedReads(options, time, log);
        var identities = Own(new NodeIdentities(options, servers, shared, time, log));
        var database = NodeDatabase.Open(options.DataDirectory, options.NodeName, log);
        Database = database;
        _pki = Own(OpenPki(options, time, log));
        var view = options is { KubernetesService: not null, Advertise: { } reached } ? new NodeView(reached, _pki.AuthorityPem) : null;
        _cache = Own(new NodeCache(database, view, options.MostCacheBytes, time, log));
        NodeConnection? connection = null;
        // Only writes ask it, and there are none before it is made.
        var local = Own(new LocalObjects(_cache, options.Kubelet, () => connection!));
        var objects = _objects = new ObjectServer(local, new ApiServerOptions { Name = "edgehub", BookmarkInterval = TimeSpan.FromMinutes(1), NewUid = options.NewUid }, loggers, time);
        _followers = new Followers(_cache, identities, shared, query => objects.KindOf(query.Group, query.Version, query.Plural), time, random, log);
        _cache.Dropped += _followers.Leave;
        shared.Changed += _followers.Turn;
        Remark(identities, options, time, log);
        var node = identities.Component(options.Kubelet) ?? identities.First;

        var replay = new Replay(_cache, _ => node.Client, entry => KindOf(objects, entry), options.NodeName, time, log);
        _connection = connection = new NodeConnection(servers, _cache, replay, new VersionCheck(_cache, node.Client, options.NodeName, log), _followers, time, random, log);
        var anonymous = Own(options.Transport is { } transport ? new HttpMessageInvoker(transport()) : identities.Anonymous.CreateLiveInvoker(time));
        _probe = new HealthProbe(servers, identities.First.Live, options.Transport is null && identities.Anonymous.Proxy is null ? HealthProbe.DialAsync : static (_, _) => Task.CompletedTask, options, time);
        _discovery = options.DiscoversServers ? new ServerDiscovery(servers, identities.Components, new RememberedServers(options.DataDirectory), options.Kubelet, OwnAddresses, time, random, log) : null;
        _discovery?.Recall();
        var signs = new KubeletSigns(time);
        var probe = new PeerProbe(time);
        var site = new SiteList(options.NodeName, node.Client, _cache, () => OwnNode(_cache, options.NodeName)?.Labels().Text(SitePeer.SiteLabel), options.WitnessInterval, time);
        _witness = new PeerWitness(options, node.Client, () => OwnNode(_cache, options.NodeName), _pki.AuthorityPem, connection, site, probe, new SourceFinder(shared, probe).LookAsync, time, log);
        // YARP would log each request; what fails is answered, and told of the server.
        var services = new ServiceCollection().AddSingleton<ILoggerFactory>(Microsoft.Extensions.Logging.Abstractions.NullLoggerFactory.Instance).AddLogging().AddHttpForwarder().BuildServiceProvider();
        Own(services);
        var metrics = Own(new HubMetrics(meters));
        metrics.Observe(connection, servers, identities, _cache, shared);
        bool IsConnected() => connection.State == ConnectionState.Connected;
        var kinds = new KnownKinds(objects, _cache, node.Client, IsConnected, time);
        kinds.Recall();
        _kinds = kinds;
        var pods = new PodTokens(_cache, identities, node.Client, IsConnected, time);
        var authenticator = new CallerAuthenticator(identities, pods, options.ClientAuthorities, IsConnected, time);
        var forwarding = new Forwarding(services.GetRequiredService<IHttpForwarder>(), servers, anonymous);
        var answers = new KeptAnswers(_cache, options.AnswerTimeout, time);
        var k3s = options.K3s is null ? null
            : Own(new K3sDoor(authenticator, answers, new HttpMessageInvoker(new BalancingHandler(servers, identities.Anonymous.CreateHandler(time))), forwarding, new HeldTunnel(() => connection.WhenConnected), IsConnected));
        _dispatcher = new HubDispatcher(
            authenticator, connection, _cache, kinds, _followers, objects, new KeptCalls(_cache, pods, options, time), new Documents(answers), forwarding, new LocalWrites(_cache, options.Kubelet, options.NodeName), k3s, shared, _pki.AuthorityPem, signs, metrics, options, time, log);
    }

    /// <summary>Where it listens.</summary>
    public IPEndPoint Address => _listener!.Address;

    /// <summary>Where the node's own components reach it, by an address that its certificate is good for: where it listens, or loopback where that is at all addresses.</summary>
    public IPEndPoint AddressOnNode => OnNode(Address);

    /// <summary>Where the node's k3s agent reaches it; null: nowhere.</summary>
    public IPEndPoint? AgentAddress => _forAgent?.Address;

    /// <summary>The authority of its own certificate, in PEM, for the components' kubeconfigs.</summary>
    public string AuthorityPem => _pki.AuthorityPem;

    /// <summary>How the node stands to its API servers.</summary>
    public ConnectionState State => _connection.State;

    /// <summary>Objects written while cut off that the API server has not been told of.</summary>
    public int Journalled => _cache.Journalled;

    /// <summary>Whether what is the same on all nodes of the site is read from another of its hubs now.</summary>
    public bool ReadsFromSite => _shared.Source is not null;

    /// <summary>What keeps the cache from being written or read, and what to do; null when nothing does.</summary>
    public string? Trouble => _cache.Fault?.Message;

    /// <summary>API servers that are up.</summary>
    internal int ServersUp => _servers.Up;

    /// <summary>What it keeps.</summary>
    internal NodeDatabase Database { get; }

    /// <summary>Raised when a whole list has been read from the API server or by a component: much of what that took can be given back a little later. From any thread.</summary>
    public event Action? Strained
    {
        add => _cache.Strained += value;
        remove => _cache.Strained -= value;
    }

    /// <summary>Begins to listen: it needs no API server for that, and answers from its cache at once.</summary>
    /// <exception cref="IOException">The folder or the address cannot be used; the message says why.</exception>
    /// <exception cref="KubeconfigException">A kubeconfig cannot be used.</exception>
    public static async Task<EdgeHub> StartAsync(EdgeHubOptions options, ILoggerFactory loggers, TimeProvider time, Func<double> random, CancellationToken cancellation, IMeterFactory? meters = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        var hub = new EdgeHub(options, loggers, time, random, meters);
        try
        {
            await hub.BeginAsync(cancellation).ConfigureAwait(false);
            return hub;
        }
        catch
        {
            await hub.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>The same without listening: requests come by <see cref="HandleAsync"/>.</summary>
    internal static EdgeHub Start(EdgeHubOptions options, ILoggerFactory loggers, TimeProvider time, Func<double> random)
    {
        var hub = new EdgeHub(options, loggers, time, random, null);
        hub.Run();
        return hub;
    }

    /// <summary>Answers one request.</summary>
    internal Task HandleAsync(Microsoft.AspNetCore.Http.HttpContext context) => _dispatcher.HandleAsync(context);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync().ConfigureAwait(false);
        _objects.Dispose(); // Its watches end, and who listens need not wait for them.
        foreach (var listener in new[] { _listener, _forAgent }.OfType<Listener>())
        {
            await listener.DisposeAsync().ConfigureAwait(false);
        }

        await _running.ConfigureAwait(false);
        await _followers.DisposeAsync().ConfigureAwait(false);
        foreach (var owned in Enumerable.Reverse(_owned))
        {
            owned.Dispose();
        }

        _stopping.Dispose();
    }

    private static ServerPki OpenPki(EdgeHubOptions options, TimeProvider time, ILogger log)
    {
        var folder = Path.Combine(options.DataDirectory, "pki");
        try
        {
            return Open();
        }
        catch (Exception damaged) when (damaged is InvalidDataException or CryptographicException)
        {
            var aside = folder + ".damaged";
            if (Directory.Exists(aside))
            {
                Directory.Delete(aside, recursive: true);
            }

            Directory.Move(folder, aside);
            log.AuthorityDamaged(aside, damaged.Message.TrimEnd('.'));
            return Open();
        }

        ServerPki Open() => ServerPki.Open(folder, $"edgehub-{options.NodeName}", ["localhost", "127.0.0.1", "::1", .. options.Hosts, .. OfService(options)], time);
    }

    /// <summary>Where a hub that listens somewhere is reached from its own node.</summary>
    internal static IPEndPoint OnNode(IPEndPoint listens) =>
        listens.Address.Equals(IPAddress.Any) ? new(IPAddress.Loopback, listens.Port) : listens.Address.Equals(IPAddress.IPv6Any) ? new(IPAddress.IPv6Loopback, listens.Port) : listens;

    /// <summary>Tells what keeps no hub from beginning, and is hardly meant.</summary>
    internal static void Remark(NodeIdentities identities, EdgeHubOptions options, TimeProvider time, ILogger log)
    {
        if (identities.Component(options.Kubelet) is null)
        {
            log.NoKubelet(options.Kubelet);
        }

        foreach (var component in identities.Foreign(options.ClientAuthorities))
        {
            log.ForeignComponent(component.Name);
        }

        foreach (var component in identities.Components)
        {
            if (component.Certificate is { } own && own.NotAfter.ToUniversalTime() < time.GetUtcNow())
            {
                log.CertificateRanOut(component.Name, new DateTimeOffset(own.NotAfter).ToKubeTime());
            }
        }
    }

    /// <exception cref="IOException">There is none.</exception>
    internal static Func<X509Certificate2> Serving(K3sOptions k3s)
    {
        var serving = new RenewedCertificate(k3s.CertificateFile, k3s.KeyFile);
        try
        {
            _ = serving.Current;
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException or CryptographicException)
        {
            throw new IOException($"{k3s.CertificateFile} with {k3s.KeyFile}, which the k3s agent gets from its server when it joins, cannot be used: {unreadable.Message.TrimEnd('.')}. Let the agent join its server once before it is led to the hub.", unreadable);
        }

        return () => serving.Current;
    }

    /// <summary>By what names pods know the API server.</summary>
    private static IEnumerable<string> OfService(EdgeHubOptions options) =>
        options.KubernetesService is { } service ? [$"{service}", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"] : [];

    /// <summary>The Node by the kubelet's own copy; null: there is none.</summary>
    private static JsonObject? OwnNode(NodeCache cache, string node)
    {
        var key = new StoreKey("/nodes", "", node);
        return cache.Scopes.Where(scope => scope.Query is { IsFollowed: true, Resource: "/nodes" }).Select(scope => cache.Find(scope.Id, key)).FirstOrDefault(found => found is not null) is { } found
            ? JsonNode.Parse(found.Json) as JsonObject : null;
    }

    private static ResourceRef? KindOf(ObjectServer objects, JournalEntry entry)
    {
        var version = (entry.Local ?? entry.Base)?.Text("apiVersion") ?? "v1";
        var slash = version.IndexOf('/', StringComparison.Ordinal);
        return objects.KindOf(slash < 0 ? "" : version[..slash], version[(slash + 1)..], entry.Key.Resource[(entry.Key.Resource.IndexOf('/', StringComparison.Ordinal) + 1)..]);
    }

    /// <summary>Where requests come to the hub itself: none of the cluster's servers is there.</summary>
    private IReadOnlyCollection<IPEndPoint> OwnAddresses()
    {
        IPEndPoint[] listens = [_listener?.Address ?? _options.Listen, .. _forAgent is { } agent ? new[] { agent.Address } : []];
        return
        [
            .. listens, .. _options.Advertise is { } advertised ? new[] { advertised } : [],
            .. _options.Hosts.Select(host => IPAddress.TryParse(host, out var address) ? address : null).OfType<IPAddress>().SelectMany(address => listens.Select(listen => new IPEndPoint(address, listen.Port))),
        ];
    }

    private async Task BeginAsync(CancellationToken cancellation)
    {
        var limits = new ApiServerOptions { MaxBodyBytes = 10 * 1024 * 1024 };
        _listener = await Listener.StartAsync(_options.Listen, _pki, limits, _dispatcher.HandleAsync, _loggers, _time, cancellation).ConfigureAwait(false);
        if (_options.K3s is { } k3s)
        {
            _forAgent = await Listener.StartAsync(k3s.Listen, Serving(k3s), limits, _dispatcher.HandleAsync, _loggers, _time, cancellation).ConfigureAwait(false);
        }

        Run();
        _loggers.CreateLogger("Ote.EdgeHub").Started(_options.NodeName, _listener.Address.ToString(), _cache.Scopes.Count(), Journalled);
    }

    private void Run() => _running = Task.WhenAll(_probe.RunAsync(_stopping.Token), _discovery?.RunAsync(_stopping.Token) ?? Task.CompletedTask, _connection.RunAsync(_stopping.Token), _witness.RunAsync(_stopping.Token), TryAgainAsync(_stopping.Token), LearnAsync(_stopping.Token));

    /// <summary>Kinds that are written while cut off have to be known by then, though nobody has asked for any.</summary>
    private async Task LearnAsync(CancellationToken stop)
    {
        try
        {
            await _connection.WhenConnected.WaitAsync(stop).ConfigureAwait(false);
            await _kinds.LearnAsync("certificates.k8s.io", "v1", "certificatesigningrequests", stop).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // The end.
        }
    }

    /// <summary>A disk that was full is tried though nobody writes.</summary>
    private async Task TryAgainAsync(CancellationToken stop)
    {
        using var timer = new PeriodicTimer(TriedAgain, _time);
        try
        {
            while (await timer.WaitForNextTickAsync(stop).ConfigureAwait(false))
            {
                _cache.TryAgain();
            }
        }
        catch (OperationCanceledException)
        {
            // The end.
        }
    }

    private T Own<T>(T owned)
        where T : IDisposable
    {
        _owned.Add(owned);
        return owned;
    }
}
