using System.Net;

namespace Ote.EdgeHub.Upstream;

/// <summary>The body of an API server's answer, which breaks as soon as that server is left, and tells when nobody reads it any more. For one reader, like any content.</summary>
internal sealed class HeldContent : HttpContent
{
    private readonly HttpContent _inner;
    private readonly CancellationToken _left;
    private Action? _ended;

    /// <summary>Takes over a body.</summary>
    /// <param name="inner">The body; disposed with this.</param>
    /// <param name="ended">Called once, when this is disposed.</param>
    /// <param name="left">Cancelled when the server is left.</param>
    public HeldContent(HttpContent inner, Action ended, CancellationToken left)
    {
        (_inner, _ended, _left) = (inner, ended, left);
        foreach (var (name, values) in inner.Headers)
        {
            Headers.TryAddWithoutValidation(name, values);
        }
    }

    protected override async Task<Stream> CreateContentReadStreamAsync() => new HeldStream(await _inner.ReadAsStreamAsync().ConfigureAwait(false), _left);

    protected override async Task<Stream> CreateContentReadStreamAsync(CancellationToken cancellationToken) => new HeldStream(await _inner.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false), _left);

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => SerializeToStreamAsync(stream, context, CancellationToken.None);

    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _left);
        try
        {
            await _inner.CopyToAsync(stream, context, either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (_left.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            throw HeldStream.Left();
        }
    }

    protected override bool TryComputeLength(out long length)
    {
        length = _inner.Headers.ContentLength ?? 0;
        return _inner.Headers.ContentLength is not null;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _inner.Dispose();
            Interlocked.Exchange(ref _ended, null)?.Invoke();
        }

        base.Dispose(disposing);
    }
}
