using System.Diagnostics.Metrics;
using System.Net;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Kube.Server.Access;
using Ote.Kube.Server.Access.Rbac;
using Ote.Kube.Server.Access.Reviews;
using Ote.Kube.Server.Access.ServiceAccounts;
using Ote.Kube.Server.Addresses;
using Ote.Kube.Server.Admission;
using Ote.Kube.Server.Admission.Limits;
using Ote.Kube.Server.Audit;
using Ote.Kube.Server.Http;
using Ote.Kube.Server.Lifecycle;
using Ote.Kube.Server.Quotas;
using Ote.Kube.Server.Store;
using Ote.Kube.Server.Watching;

namespace Ote.Kube.Server;

/// <summary>
/// A Kubernetes-style API server in the process: stores objects durably and serves them to kubectl, controllers and code. Many
/// of them fit in one process; an idle one costs no thread. Thread-safe.
/// </summary>
public sealed class ApiServer : IAsyncDisposable
{
    private static readonly string[] SystemNamespaces = ["default", "kube-system", "kube-public", "kube-node-lease"];

    private readonly ApiServerOptions _options;
    private readonly ILoggerFactory _loggers;
    private readonly ILogger _log;
    private readonly TimeProvider _time;
    private readonly Meter _meter;
    private readonly CancellationTokenSource _stopping = new();
    private readonly List<Listener> _listeners = [];
    private readonly Lock _gate = new();
    private readonly Lazy<ServerPki> _pki;
    private readonly Lazy<TokenSigner> _signer;
    private readonly ObjectStore _store;
    private readonly ServedCatalog _served;
    private readonly NamespaceTable _namespaces = new();
    private readonly RbacTable _roles = new();
    private readonly LimitRangeTable _limits = new();
    private readonly ServiceAddressTable? _addresses;
    private readonly ObjectWriter _writer;
    private readonly QuotaTable _quotas = new();
    private readonly QuotaKeeper? _keeper;
    private readonly KubernetesServiceKeeper? _own;
    private readonly Janitor _janitor;
    private readonly AuditBackend? _audit;
    private readonly Dispatcher _dispatcher;
    private bool _disposed;

    private ApiServer(ApiServerOptions options, ILoggerFactory loggers, TimeProvider time, IMeterFactory? meters)
    {
        _options = options;
        _loggers = loggers;
        _log = loggers.CreateLogger("Ote.Kube.Server");
        _time = time;
        var named = new MeterOptions("Ote.Kube.Server") { Tags = [new("server", options.Name)] };
        _meter = meters?.Create(named) ?? new Meter(named);
        var tokens = new TokenTable(options.Tokens);
        if (options.TokenFile is { } file)
        {
            tokens.AddFile(file);
        }

        // Before the data: a server that is to note who asks does not begin without.
        _audit = options.Audit is { } noted ? new AuditBackend(noted, _meter, time, options.NewUid, _log) : null;
        _store = new ObjectStore(
            new StoreOptions { Directory = options.DataDirectory, HistoryKept = options.HistoryKept, HistoryBytes = options.HistoryBytes }, new StoreMetrics(_meter), time, _log);
        // Made when first needed: a server reached only from within the process needs none.
        _pki = new Lazy<ServerPki>(() => ServerPki.Open(
            options.DataDirectory is { } directory ? Path.Combine(directory, "pki") : null, options.Name,
            ["localhost", "127.0.0.1", "::1", "kubernetes.default.svc", .. options.Hosts], time));
        _signer = new Lazy<TokenSigner>(() => TokenSigner.Open(options.DataDirectory is { } directory ? Path.Combine(directory, "pki") : null));
        var accounts = new ServiceAccountTokens(_signer, options.ServiceAccountIssuer, _store, options.NewUid, time);
        var bearers = new BearerTokens(tokens, accounts);
        _served = new ServedCatalog(_store, _log, options.Mirror);
        var authorizer = new RbacAuthorizer(_roles, options.Authorizer);
        _addresses = options.ServiceClusterIPRange is { } range ? new ServiceAddressTable(range) : null;
        _writer = new ObjectWriter(
            _store, _served, _namespaces, [new RequesterStamp(), new OnlineClusters(), new EscalationCheck(_roles, authorizer), .. options.Admission], time, options.NewUid)
        {
            PodsEndGracefully = options.PodsEndGracefully,
            Limits = new LimitRanger(_limits),
            Addresses = _addresses,
        };
        var owners = new OwnerCollector(_store, _writer, _served);
#pragma warning disable RS0030 // Chance comes in here, where the process is put together.
        var random = options.Random ?? new Random().NextDouble;
#pragma warning restore RS0030
        _janitor = new Janitor(
            _store, _writer, owners, new EventExpiry(_store, _writer, _served, options.EventLife, time), _served, _namespaces, options.CollectsGarbage, time, random, _log);
        var ledger = new QuotaLedger(_store, _writer, _served, _quotas, time);
        _writer.Quotas = new QuotaAdmission(_quotas, ledger, options.CollectsGarbage, time);
        if (options.CollectsGarbage)
        {
            _keeper = new QuotaKeeper(_quotas, ledger, time, random, _log);
            _writer.Quotas.Recount = _keeper.Add;
        }

        _own = options.KeepsKubernetesService ? new KubernetesServiceKeeper(_store, _writer, _served, options.ServiceClusterIPRange, time, random, _log) : null;
        var sources = new ObjectSources(_store, options.Mirror) { IsOwn = _served.Defines };
        var watch = new WatchHandler(sources, options, time, _log, _stopping.Token);
        var deletion = new DeleteHandler(_store, _writer, options);
        var metrics = new RequestMetrics(_meter, time);
        const int Users = 50;
        var gate = new FairGate(options.MaxRequests, options.MaxWaitingOfUser, options.MaxWaitingOfUser * Users, options.MaxWait, time);
        metrics.Observe(() => watch.Open, () => gate.Waiting);
        _dispatcher = new Dispatcher(
            new Authenticator(_pki, bearers, time), new Impersonation(authorizer), authorizer, _served, sources, options.Clusters,
            new Handlers(
                new ReadHandler(sources, options.MaxPage, time), watch, new WriteHandler(_store, _writer, options), deletion,
                new ReviewHandler(authorizer, _roles, bearers, options), new PodHandler(_store, _writer, deletion, options, new DisruptionBudgets(_store, _writer, _served, time)), new PodStreamHandler(_store, options.PodStreams), new TokenRequestHandler(accounts, _store, time, options),
                new DocumentHandler(VersionInfo.Current, accounts, _store.TroubleAsync), new DownloadHandler(options.Downloads)),
            gate, new RequestFrame(_audit, metrics, _log), time);
    }

    /// <summary>The server's name, from its options.</summary>
    public string Name => _options.Name;

    /// <summary>
    /// What keeps the data from being written, or from being read, for an operator: the file, the cause and the next step. Null when nothing does. Waits for nothing: after a
    /// failure a call also has it tried whether there is room again, once a second at most, and the next call tells. Thread-safe.
    /// </summary>
    public string? Trouble()
    {
        _ = _store.TroubleAsync(); // a disk that hangs does not hang who asks
        return _store.Fault?.Message;
    }

    /// <summary>The certificate authority that signs the server's and its clients' certificates, in PEM.</summary>
    public string AuthorityPem => _pki.Value.AuthorityPem;

    /// <summary>Opens the data, installs what the options name, and is ready to serve.</summary>
    /// <param name="options">How it runs.</param>
    /// <param name="loggers">Where it logs.</param>
    /// <param name="time">The clock.</param>
    /// <param name="cancellation">Gives up starting.</param>
    /// <param name="meters">Makes the meter <c>Ote.Kube.Server</c>; null makes a plain one.</param>
    /// <exception cref="IOException">The data directory is in use, not writable, or damaged, or there can be no audit log; the message names it and the way out.</exception>
    /// <exception cref="ArgumentException">The range of cluster IPs is none that can be dealt out.</exception>
    public static async Task<ApiServer> StartAsync(
        ApiServerOptions options, ILoggerFactory loggers, TimeProvider time, CancellationToken cancellation, IMeterFactory? meters = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(loggers);
        if (options.ServiceClusterIPRange is { } range && !ClusterAddresses.Suits(range))
        {
            throw new ArgumentException($"cluster IPs cannot be dealt out of {range}: give a network of IPv4 with a prefix of 8 to 24 bits, such as 10.96.0.0/16", nameof(options));
        }

        ApiServer server;
        try
        {
            server = new ApiServer(options, loggers, time, meters);
        }
        catch (StoreFailedException fault)
        {
            throw new IOException(fault.Message, fault);
        }

        try
        {
            await server.BeginAsync(cancellation).ConfigureAwait(false);
            return server;
        }
        catch (StoreFailedException fault)
        {
            await server.DisposeAsync().ConfigureAwait(false);
            throw new IOException(fault.Message, fault);
        }
        catch
        {
            await server.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Of all that is installed at start.</summary>
    private string? Fingerprint => _options is { InstallFingerprint: { } crds, BootstrapRoles: true } ? crds + " with roles 2" : _options.InstallFingerprint;

    /// <summary>
    /// A handler for an <c>HttpClient</c> that reaches the server without a socket, as <paramref name="user"/>. Give the client any base
    /// address, such as <c>https://embedded/</c>. Bodies stream, so watches work.
    /// </summary>
    public HttpMessageHandler CreateHandler(UserInfo user) => new InProcessHandler(HandleAsync, user);

    /// <summary>A client that acts as <paramref name="user"/> without a socket.</summary>
    public KubeClient CreateClient(UserInfo user) =>
        new(new HttpClient(CreateHandler(user)) { BaseAddress = new Uri("https://embedded/"), Timeout = Timeout.InfiniteTimeSpan });

    /// <summary>
    /// Serves one request of any host. The host keeps the server's part of the URL in <c>PathBase</c>. The caller is who
    /// <see cref="ApiUserFeature"/>, its client certificate or its bearer token says.
    /// </summary>
    public Task HandleAsync(HttpContext context) => _dispatcher.HandleAsync(context);

    /// <summary>
    /// Calls back with <c>group/plural</c> of each object that is added, inside the commit: <paramref name="added"/> must note it and return. For
    /// whoever watches a kind only once there is something to watch.
    /// </summary>
    public void OnAdded(Action<string> added) => _store.Changes.Listen(change =>
    {
        if (change.Kind == ChangeKind.Added)
        {
            added(change.Key.Resource);
        }
    });

    /// <summary>Listens for HTTPS with a certificate of the server's own authority.</summary>
    /// <returns>Where it listens; with port 0 the system chose the port.</returns>
    /// <exception cref="IOException">The address cannot be bound.</exception>
    public async Task<IPEndPoint> ListenAsync(IPEndPoint endpoint, CancellationToken cancellation = default)
    {
        var listener = await Listener.StartAsync(endpoint, _pki.Value, _options, HandleAsync, _loggers, _time, cancellation).ConfigureAwait(false);
        bool isFirst;
        lock (_gate)
        {
            _listeners.Add(listener);
            isFirst = _listeners.Count == 1;
        }

        if (_own is not null && isFirst)
        {
            await _own.StartAsync(listener.Address, Advertised(listener.Address.Address)).ConfigureAwait(false);
        }

        _log.Listening(Name, listener.Address.ToString());
        return listener.Address;
    }

    private IPAddress? Advertised(IPAddress listens) => _options.AdvertiseAddress
        ?? (KubernetesService.IsReachable(listens) ? listens
            : KubernetesService.IsAny(listens) ? MachineAddresses.Of(listens.AddressFamily).FirstOrDefault(KubernetesService.IsReachable)
            : null);

    /// <summary>A client certificate of the server's authority and its key, in PEM, good for a year.</summary>
    public (string CertificatePem, string KeyPem) IssueClientCertificate(UserInfo user) => _pki.Value.IssueClient(user, _time.GetUtcNow());

    /// <summary>Writes a kubeconfig of the administrator, readable by the owner alone.</summary>
    /// <param name="path">The file; its folder must exist.</param>
    /// <param name="server">URL under which clients reach the server.</param>
    /// <param name="cancellation">Gives up.</param>
    public Task WriteAdminKubeconfigAsync(string path, Uri server, CancellationToken cancellation = default)
    {
        cancellation.ThrowIfCancellationRequested();
        var (certificate, key) = IssueClientCertificate(new UserInfo("kubernetes-admin", [UserInfo.Masters]));
        PrivateFiles.Write(path, Kubeconfig.Write(server, Name, AuthorityPem, certificate, key));
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        List<Listener> listeners;
        lock (_gate)
        {
            if (_disposed)
            {
                return;
            }

            _disposed = true;
            listeners = [.. _listeners];
        }

        await _stopping.CancelAsync().ConfigureAwait(false);
        foreach (var listener in listeners)
        {
            await listener.DisposeAsync().ConfigureAwait(false);
        }

        await _janitor.DisposeAsync().ConfigureAwait(false);
        if (_own is not null)
        {
            await _own.DisposeAsync().ConfigureAwait(false);
        }

        if (_keeper is not null)
        {
            await _keeper.DisposeAsync().ConfigureAwait(false);
        }

        await _store.DisposeAsync().ConfigureAwait(false);
        if (_audit is not null)
        {
            await _audit.DisposeAsync().ConfigureAwait(false);
        }

        _served.Dispose();
        if (_pki.IsValueCreated)
        {
            _pki.Value.Dispose();
        }

        if (_signer.IsValueCreated)
        {
            _signer.Value.Dispose();
        }

        _meter.Dispose();
        _stopping.Dispose();
    }

    private async Task BeginAsync(CancellationToken cancellation)
    {
        await _served.RefreshAsync(cancellation).ConfigureAwait(false);
        await _namespaces.LoadAsync(_store, cancellation).ConfigureAwait(false);
        await _roles.LoadAsync(_store, cancellation).ConfigureAwait(false);
        if (_addresses is not null)
        {
            await _addresses.LoadAsync(_store, cancellation).ConfigureAwait(false);
            _store.Changes.Listen(_addresses.On);
        }

        await FormerEvents.MoveAsync(_store, cancellation).ConfigureAwait(false);
        _store.Changes.Listen(_namespaces.On);
        _store.Changes.Listen(_roles.On);
        await _limits.LoadAsync(_store, cancellation).ConfigureAwait(false);
        _store.Changes.Listen(_limits.On);
        await _quotas.LoadAsync(_store, cancellation).ConfigureAwait(false);
        _store.Changes.Listen(_quotas.On);
        if (_keeper is not null)
        {
            _store.Changes.Listen(_keeper.On);
        }

        _store.Changes.Listen(_janitor.On);
        if (_own is not null)
        {
            _store.Changes.Listen(_own.On);
        }

        var missing = SystemNamespaces.Concat(_options.Namespaces).Where(name => _namespaces.Terminating(name) is null).Distinct();
        // At once, so that they share a commit.
        await Task.WhenAll(missing.Select(
            name => InstallAsync(Kinds.Namespaces, new JsonObject { ["metadata"] = new JsonObject { ["name"] = name } }))).ConfigureAwait(false);

        if (Fingerprint is null || _store.Installed != _served.Mark(Fingerprint))
        {
            // One that was going when the server ended would take what is installed along.
            await _janitor.EndDefinitionsAsync(cancellation).ConfigureAwait(false);
            foreach (var crd in _options.InstallCrds)
            {
                await InstallAsync(Kinds.CustomResourceDefinitions, crd.Copy()).ConfigureAwait(false);
            }

            if (_options.BootstrapRoles)
            {
                await Task.WhenAll(BootstrapRoles.Read().Select(MakeAsync)).ConfigureAwait(false);
            }

            if (Fingerprint is { } fingerprint)
            {
                await _store.NoteInstalledAsync(_served.Mark(fingerprint)).ConfigureAwait(false);
            }
        }

        await _janitor.StartAsync(cancellation).ConfigureAwait(false);
        _keeper?.Start();
        _log.ServerReady(Name, _options.DataDirectory ?? "memory", _store.Revision);
    }

    /// <summary>Creates a role or a binding where there is none of its name.</summary>
    private async Task MakeAsync(JsonObject role)
    {
        var kind = _served.Current.FindKind(role.Text("apiVersion")!, role.Text("kind")!)!;
        if (await _store.FindAsync(new StoreKey(ServedCatalog.ResourceOf(kind), "", role.Name()), CancellationToken.None).ConfigureAwait(false) is null)
        {
            await _writer.CreateAsync(new WriteContext(UserInfo.Component("apiserver"), kind, "") { Manager = "ote-apiserver" }, role).ConfigureAwait(false);
        }
    }

    /// <summary>Creates an object, or gives an existing one the wanted spec.</summary>
    private async Task InstallAsync(ResourceRef resource, JsonObject wanted)
    {
        var kind = _served.Current.Find(resource.Group, resource.Version, resource.Plural)!;
        var context = new WriteContext(UserInfo.Component("apiserver"), kind, "") { Manager = "ote-apiserver" };
        var stored = await _store.FindAsync(new StoreKey(ServedCatalog.ResourceOf(kind), "", wanted.Name()), CancellationToken.None).ConfigureAwait(false);
        if (stored is null)
        {
            await _writer.CreateAsync(context, wanted).ConfigureAwait(false);
            return;
        }

        await _writer.UpdateAsync(context, wanted.Name(), current =>
        {
            ObjectRules.Put(current, "spec", wanted["spec"]);
            return current;
        }).ConfigureAwait(false);
    }
}
