using System.IO.Pipelines;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http.Features;

namespace Ote.Shim.Live;

/// <summary>A stream as Kestrel's connection. These streams end in both directions at once: who reads the end has no peer any more, and its request is aborted.</summary>
internal sealed class StreamConnection : ConnectionContext, IDuplexPipe
{
    private const int BlockBytes = 32 * 1024; // each block is a message of its own on the way
    private readonly Stream _stream;
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenSource _closed = new();

    public StreamConnection(Stream stream)
    {
        _stream = stream;
        Input = PipeReader.Create(new EndTellingStream(stream, () => _ = _closed.CancelAsync()), new StreamPipeReaderOptions(leaveOpen: true));
        Output = PipeWriter.Create(stream, new StreamPipeWriterOptions(minimumBufferSize: BlockBytes, leaveOpen: true));
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
        _ended.TrySetResult();
    }
}
