using Google.Protobuf;
using Grpc.Core;
using Ote.Flow;
using Ote.Shim.Contract;

namespace Ote.Shim.Live;

/// <summary>Bytes over a gRPC call, as a stream. One reads and one writes at a time. What breaks the call is an <see cref="IOException"/>.</summary>
/// <param name="reader">What comes.</param>
/// <param name="writer">What goes.</param>
/// <param name="close">Ends the call; called once.</param>
internal sealed class GrpcStream(IAsyncStreamReader<LiveBytes> reader, IAsyncStreamWriter<LiveBytes> writer, Action close) : AsyncStream
{
    private const int MostAtOnce = 64 * 1024;
    private ReadOnlyMemory<byte> _left;
    private int _closed;

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        while (_left.IsEmpty)
        {
            try
            {
                if (!await reader.MoveNext(cancellationToken).ConfigureAwait(false))
                {
                    return 0;
                }
            }
            catch (RpcException broken)
            {
                throw Broken(broken, cancellationToken);
            }

            _left = reader.Current.Data.Memory;
        }

        var count = Math.Min(buffer.Length, _left.Length);
        _left[..count].CopyTo(buffer);
        _left = _left[count..];
        return count;
    }

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        while (!buffer.IsEmpty)
        {
            var part = buffer[..Math.Min(buffer.Length, MostAtOnce)];
            buffer = buffer[part.Length..];
            try
            {
                // The call has taken the bytes when this completes: whose they are may be written to again.
                await writer.WriteAsync(new LiveBytes { Data = UnsafeByteOperations.UnsafeWrap(part) }, cancellationToken).ConfigureAwait(false);
            }
            catch (RpcException broken)
            {
                throw Broken(broken, cancellationToken);
            }
            catch (InvalidOperationException ended)
            {
                throw new IOException("the connection through the shim has ended", ended);
            }
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing && Interlocked.Exchange(ref _closed, 1) == 0)
        {
            close();
        }

        base.Dispose(disposing);
    }

    private static Exception Broken(RpcException broken, CancellationToken ct) =>
        ct.IsCancellationRequested ? new OperationCanceledException(ct)
        : broken.StatusCode == StatusCode.Unimplemented ? new IOException("the shim gives no live access: it is of an older version, or not made for it", broken)
        : new IOException($"the connection through the shim broke: {broken.Status.Detail}", broken);
}
