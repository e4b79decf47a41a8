using System.Diagnostics.Metrics;
using System.Net;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Ote.Kube.Client;
using Ote.Kube.Server.Access;
using Ote.Kube.Server.Audit;
using Ote.Kube.Server.Http;
using Ote.Kube.Server.Split;
using Ote.Kube.Server.Store;
using Ote.Kube.Server.Watching;

namespace Ote.Kube.Server.Aggregation;

/// <summary>
/// Shows the objects of other clusters as one group of a real Kubernetes, whose API server passes requests on (an APIService). It keeps nothing, believes that server alone and asks it who may. Thread-safe.
/// </summary>
public sealed class AggregatedServer : IAsyncDisposable
{
    private readonly ApiServerOptions _limits;
    private readonly ILoggerFactory _loggers;
    private readonly ILogger _log;
    private readonly TimeProvider _time;
    private readonly Meter _meter;
    private readonly CancellationTokenSource _stopping = new();
    private readonly ServerPki _pki;
    private readonly AuditBackend? _audit;
    private readonly FrontProxyKeeper _front;
    private readonly AccessReviews _reviews;
    private readonly RequestFrame _frame;
    private readonly ShownDispatcher _dispatcher;
    private readonly ShardDoor? _door;
    private Listener? _listener;

    /// <summary>Makes a server; it begins to learn whom to believe, and does not listen yet.</summary>
    /// <param name="options">How it runs.</param>
    /// <param name="front">The API server in front, as this server's own user.</param>
    /// <param name="loggers">Where it logs.</param>
    /// <param name="time">The clock.</param>
    /// <param name="random">Uniform in [0, 1), for jitter.</param>
    /// <param name="meters">Makes its meter; null makes a plain one.</param>
    /// <exception cref="IOException">There can be no audit log; the message says why.</exception>
    /// <exception cref="InvalidDataException">The files of the certificates are damaged; the message names them.</exception>
    public AggregatedServer(AggregatedServerOptions options, KubeClient front, ILoggerFactory loggers, TimeProvider time, Func<double> random, IMeterFactory? meters = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(loggers);
        (_loggers, _log, _time) = (loggers, loggers.CreateLogger("Ote.Kube.Server"), time);
        _limits = new ApiServerOptions { Name = options.Name };
        var named = new MeterOptions("Ote.Kube.Server") { Tags = [new("server", options.Name)] };
        _meter = meters?.Create(named) ?? new Meter(named);
        _audit = options.Audit is { } noted ? new AuditBackend(noted, _meter, time, options.NewId, _log) : null;
        _pki = ServerPki.Open(options.PkiDirectory, options.Name, ["localhost", "127.0.0.1", "::1", .. options.Hosts], time);
        _front = new FrontProxyKeeper(front, time, random, _log);
        _reviews = new AccessReviews(front, time);
        var metrics = new RequestMetrics(_meter, time);
        _frame = new RequestFrame(_audit, metrics, _log);
        var sources = new ObjectSources(own: null, options.Shards is { } known ? new SplitView(known, null) : options.Source ?? throw new ArgumentException("there is neither a source nor shards of one", nameof(options)));
        var catalog = new ShownCatalog(options);
        var watch = new WatchHandler(sources, _limits, time, _log, _stopping.Token);
        var split = options.Shards is { } table ? new SplitWatchHandler(table, _limits, time, _stopping.Token) : null;
        _door = options.Shards is { } held ? new ShardDoor(held) : null;
        const int Users = 50;
        var gate = new FairGate(_limits.MaxRequests, _limits.MaxWaitingOfUser, _limits.MaxWaitingOfUser * Users, _limits.MaxWait, time);
        metrics.Observe(() => watch.Open + (split?.Open ?? 0), () => gate.Waiting);
        _dispatcher = new ShownDispatcher(
            options.Group, options.Version, catalog, sources, options.Clusters, _front, _reviews, new ClustersAllowed(sources, _reviews),
            new ShownHandlers(
                new ReadHandler(sources, _limits.MaxPage, time), watch, new OriginHandler(sources, options.Clusters, time), new ShownDocuments(catalog, options.Group, options.Version)) { Shards = options.Shards, Split = split },
            gate, time);
    }

    /// <summary>The authority of the serving certificate, in PEM: what an APIService has as its caBundle.</summary>
    public string AuthorityPem => _pki.AuthorityPem;

    /// <summary>What keeps requests from being served, for people; null: nothing does.</summary>
    public string? Trouble => _front.Trust is null ? _front.Fault : null;

    /// <summary>Completes when it was first read whom to believe, or that nobody is to be.</summary>
    public Task Read => _front.Read;

    /// <summary>Serves one request of any host, whose connection has the certificate of who passes it on, or of another server that has shards.</summary>
    public Task HandleAsync(HttpContext context) => _door is not null && context.Request.Path.Value?.StartsWith(ShardDoor.Prefix, StringComparison.Ordinal) == true
        ? _door.HandleAsync(context)
        : _frame.HandleAsync(context, _dispatcher.RouteAsync);

    /// <summary>Listens for HTTPS; once.</summary>
    /// <returns>Where it listens; with port 0 the system chose the port.</returns>
    /// <exception cref="IOException">The address cannot be bound.</exception>
    public async Task<IPEndPoint> ListenAsync(IPEndPoint endpoint, CancellationToken cancellation = default)
    {
        _listener = await Listener.StartAsync(endpoint, _pki, _limits, HandleAsync, _loggers, _time, cancellation).ConfigureAwait(false);
        _log.Listening(_limits.Name, _listener.Address.ToString());
        return _listener.Address;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync().ConfigureAwait(false);
        if (_listener is not null)
        {
            await _listener.DisposeAsync().ConfigureAwait(false);
        }

        await _front.DisposeAsync().ConfigureAwait(false);
        if (_audit is not null)
        {
            await _audit.DisposeAsync().ConfigureAwait(false);
        }

        _reviews.Dispose();
        _pki.Dispose();
        _meter.Dispose();
        _stopping.Dispose();
    }
}
