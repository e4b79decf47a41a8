using System.IO.Pipelines;
using System.Net;
using System.Threading.Channels;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http.Features;

namespace Ote.Cluster.Streams;

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

/// <summary>A stream as Kestrel's connection.</summary>
internal sealed class StreamConnection : ConnectionContext, IDuplexPipe
{
    private readonly Stream _stream;
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenSource _closed = new();

    public StreamConnection(Stream stream)
    {
        _stream = stream;
        Input = PipeReader.Create(stream, new StreamPipeReaderOptions(leaveOpen: true));
        Output = PipeWriter.Create(stream, new StreamPipeWriterOptions(leaveOpen: true));
        Transport = this;
        ConnectionClosed = _closed.Token;
        ConnectionId = Convert.ToHexString(BitConverter.GetBytes(System.Runtime.CompilerServices.RuntimeHelpers.GetHashCode(stream)));
    }

    /// <summary>Completes when the connection was given up.</summary>
    public Task Ended => _ended.Task;

    public PipeReader Input { get; }

    public PipeWriter Output { get; }

    public override string ConnectionId { get; set; }

    public override IFeatureCollection Features { get; } = new FeatureCollection();

    public override IDictionary<object, object?> Items { get; set; } = new Dictionary<object, object?>();

    public override IDuplexPipe Transport { get; set; }

    public override CancellationToken ConnectionClosed { get; set; }

    public override void Abort(ConnectionAbortedException abortReason) => _stream.Dispose();

    public override async ValueTask DisposeAsync()
    {
        await _closed.CancelAsync().ConfigureAwait(false);
        await Input.CompleteAsync().ConfigureAwait(false);
        await Output.CompleteAsync().ConfigureAwait(false);
        await _stream.DisposeAsync().ConfigureAwait(false);
        await base.DisposeAsync().ConfigureAwait(false);
        _closed.Dispose();
        _ended.TrySetResult();
    }
}
