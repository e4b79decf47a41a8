using System.Net;
using System.Threading.Channels;
using Microsoft.AspNetCore.Connections;

namespace Ote.Shim.Live;

/// <summary>Gives Kestrel connections that are streams.</summary>
internal sealed class StreamListener : IConnectionListenerFactory, IConnectionListenerFactorySelector, IConnectionListener
{
    private const int MostWaiting = 128;
    private readonly Channel<ConnectionContext> _waiting = Channel.CreateBounded<ConnectionContext>(MostWaiting);

    public EndPoint EndPoint { get; private set; } = new Place();

    /// <summary>Hands a connection over.</summary>
    public ValueTask AddAsync(ConnectionContext connection) => _waiting.Writer.WriteAsync(connection);

    public bool CanBind(EndPoint endpoint) => endpoint is Place;

    public ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default)
    {
        EndPoint = endpoint;
        return ValueTask.FromResult<IConnectionListener>(this);
    }

    public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default)
    {
        try
        {
            return await _waiting.Reader.ReadAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (ChannelClosedException)
        {
            return null;
        }
    }

    public ValueTask UnbindAsync(CancellationToken cancellationToken = default)
    {
        _waiting.Writer.TryComplete();
        return ValueTask.CompletedTask;
    }

    public ValueTask DisposeAsync() => UnbindAsync();

    /// <summary>The place that is no address.</summary>
    internal sealed class Place : EndPoint
    {
        public override string ToString() => "streams";
    }
}
