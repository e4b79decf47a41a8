using Microsoft.AspNetCore.Http;

namespace Ote.Kube.Server.Http;

/// <summary>The body of another cluster's answer, which passes on what comes; of a refusal nothing, up to a bound beyond which it is none that anybody reads.</summary>
internal sealed class RefusalBody(HttpResponse response, Stream client) : Stream
{
    private const int MostHeld = 64 * 1024;
    private readonly MemoryStream _held = new();
    private bool _passes;

    /// <summary>What was not passed on.</summary>
    public ReadOnlyMemory<byte> Held => _held.GetBuffer().AsMemory(0, (int)_held.Length);

    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    private bool IsHeld => !_passes && response.StatusCode >= StatusCodes.Status400BadRequest && !response.HasStarted;

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (IsHeld && _held.Length + buffer.Length <= MostHeld)
        {
            _held.Write(buffer.Span);
            return;
        }

        if (_held.Length > 0)
        {
            await client.WriteAsync(Held, cancellationToken).ConfigureAwait(false);
            _held.SetLength(0);
        }

        _passes = true;
        await client.WriteAsync(buffer, cancellationToken).ConfigureAwait(false);
    }

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override Task FlushAsync(CancellationToken cancellationToken) => IsHeld ? Task.CompletedTask : client.FlushAsync(cancellationToken);

    public override void Flush() => throw new NotSupportedException();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        _held.Dispose();
        base.Dispose(disposing);
    }
}
