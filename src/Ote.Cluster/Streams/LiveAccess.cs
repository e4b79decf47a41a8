using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Ote.Cluster.Access;
using Ote.Cluster.Audit;
using Ote.Cluster.Handling;
using Ote.Cluster.Tunnel;
using Ote.Kube.Client;
using Ote.Protocol.Tunnel;
using Ote.Shim;

namespace Ote.Cluster.Streams;

/// <summary>All that a controller does about live access: requests of this entry go to clusters below, streams are joined on the way, and those to the own cluster are served. Thread-safe.</summary>
internal sealed class LiveAccess : IAsyncDisposable
{
    private readonly LiveServer _server;
    private readonly Absences _absences;
    private readonly Lazy<LivePool> _pool;
    private readonly Lazy<LiveGate> _gate;

    /// <summary>Puts the parts together; nothing is open until somebody asks.</summary>
    /// <param name="routes">Who is where.</param>
    /// <param name="linkTo">The links to children.</param>
    /// <param name="dial">Dials the parent of now for a stream.</param>
    /// <param name="shim">The managed cluster's shim; null: there is none.</param>
    /// <param name="access">The policies in force here.</param>
    /// <param name="audit">Where requests are noted; null: nowhere.</param>
    /// <param name="time">The clock.</param>
    /// <param name="loggers">Where it logs.</param>
    /// <param name="stop">Ends all streams.</param>
    public LiveAccess(
        RouteKeeper routes, Func<string, ILink?> linkTo, Func<string, CancellationToken, Task<ByteStream>> dial, IClusterShim? shim, Func<ICommandAccess> access, AuditLog? audit,
        TimeProvider time, ILoggerFactory loggers, CancellationToken stop)
    {
        _server = new LiveServer(routes.Self.Name, shim, access, audit, time, loggers);
        _absences = new Absences(routes, time);
        Streams = new StreamDesk(routes, linkTo, dial, _server, _absences, time, loggers.CreateLogger("Ote.Cluster.Streams"), stop);
        _pool = new Lazy<LivePool>(() => new LivePool(Streams.OpenAsync, _absences));
        _gate = new Lazy<LiveGate>(() => new LiveGate(_pool.Value, time));
    }

    /// <summary>What links bring, and children dial.</summary>
    public StreamDesk Streams { get; }

    /// <summary>Carries one request of a user to a cluster, and its answer back.</summary>
    public Task ForwardAsync(HttpContext context, string cluster, Requester requester, string target) => _gate.Value.ForwardAsync(context, cluster, requester, target);

    /// <summary>A client of a cluster's API, as a user. What those on the way refuse is a <see cref="StreamRefusedException"/> within an <see cref="HttpRequestException"/>.</summary>
    /// <param name="cluster">The cluster.</param>
    /// <param name="requester">As whom it asks.</param>
    /// <returns>For a few requests; the caller's to dispose.</returns>
    public KubeClient ClientOf(string cluster, Requester requester) =>
        new(new HttpClient(_pool.Value.Handler, disposeHandler: false) { BaseAddress = _pool.Value.AddressOf(cluster, requester), Timeout = Timeout.InfiniteTimeSpan });

    public async ValueTask DisposeAsync()
    {
        if (_gate.IsValueCreated)
        {
            _gate.Value.Dispose();
        }

        if (_pool.IsValueCreated)
        {
            _pool.Value.Dispose();
        }

        _absences.Dispose();
        await _server.DisposeAsync().ConfigureAwait(false);
    }
}
