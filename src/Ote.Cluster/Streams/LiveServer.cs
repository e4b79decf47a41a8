using Microsoft.Extensions.Logging;
using Ote.Cluster.Access;
using Ote.Cluster.Audit;
using Ote.Protocol.Tunnel;
using Ote.Shim;
using Ote.Shim.Live;

namespace Ote.Cluster.Streams;

/// <summary>Serves the streams that come for the own cluster. Thread-safe.</summary>
internal sealed class LiveServer : IAsyncDisposable
{
    private readonly string _self;
    private readonly IClusterShim? _shim;
    private readonly StreamServer _server;

    /// <summary>Makes a server; nothing runs before the first stream comes.</summary>
    /// <param name="self">The own name.</param>
    /// <param name="shim">The managed cluster's shim; null: there is none.</param>
    /// <param name="access">The policies in force here.</param>
    /// <param name="audit">Where requests are noted; null: nowhere.</param>
    /// <param name="time">The clock.</param>
    /// <param name="loggers">Where it logs.</param>
    public LiveServer(string self, IClusterShim? shim, Func<ICommandAccess> access, AuditLog? audit, TimeProvider time, ILoggerFactory loggers)
    {
        (_self, _shim) = (self, shim);
        var requests = new Lazy<LiveRequests>(() => new LiveRequests(self, (ILiveCluster)shim!, access(), audit, time, loggers.CreateLogger("Ote.Cluster.Streams")));
        _server = new StreamServer((context, forwarder) => requests.Value.AnswerAsync(context, forwarder));
    }

    /// <summary>Says why there is no live access here, if there is none.</summary>
    /// <exception cref="StreamRefusedException">There is none.</exception>
    public void Check()
    {
        if (_shim is null)
        {
            throw new StreamRefusedException($"cluster {_self} has no managed cluster behind it: ask one below it, or start its controller with --managed-kubeconfig or --shim", forGood: true);
        }

        if (_shim is not ILiveCluster { LiveAddress: not null })
        {
            throw new StreamRefusedException($"the shim of cluster {_self} gives no live access. Commands reach the cluster all the same (otectl apply --to {_self})", forGood: true);
        }
    }

    /// <summary>Serves a stream until it has ended.</summary>
    public Task ServeAsync(Stream stream, OpenStream opened) => _server.ServeAsync(stream, features => features.Set(new LiveCaller(opened)));

    public ValueTask DisposeAsync() => _server.DisposeAsync();
}
