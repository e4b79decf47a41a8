using System.Buffers;
using System.Globalization;
using System.Net;
using System.Text;

namespace Ote.Kube.Client;

/// <summary>
/// Sends <c>Impersonate-Group</c> as one line per group, which is how API servers read it. HttpClient folds a header's values into
/// one line with commas, and a group may itself hold a comma; so the values leave HttpClient joined by a byte that no header may
/// hold, and <see cref="HeaderLineStream"/> turns that byte into a line break below it. That needs HTTP/1.1, for such requests only.
/// </summary>
internal sealed class HeaderLineHandler(HttpMessageHandler inner) : DelegatingHandler(inner)
{
    public const string Header = "Impersonate-Group";
    public const char Joint = '\u001f';

    protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        if (request.Headers.NonValidated.TryGetValues(Header, out var groups) && groups.Count > 1)
        {
            if (groups.Any(group => group.Any(char.IsControl)))
            {
                throw new HttpRequestException($"a value of {Header} holds a control character");
            }

            var joined = string.Join(Joint, groups);
            request.Headers.Remove(Header);
            request.Headers.TryAddWithoutValidation(Header, joined);
            request.Version = HttpVersion.Version11;
            request.VersionPolicy = HttpVersionPolicy.RequestVersionExact;
        }

        return base.SendAsync(request, cancellationToken);
    }
}

/// <summary>The writing half of <see cref="HeaderLineHandler"/>: follows the requests on one HTTP/1.1 connection and changes only their heads.</summary>
internal sealed class HeaderLineStream(Stream inner) : Stream
{
    private const int LongestLengthLine = 64;
    private static readonly byte[] LineBreak = Encoding.ASCII.GetBytes($"\r\n{HeaderLineHandler.Header}: ");

    private readonly ArrayBufferWriter<byte> _head = new();
    private readonly StringBuilder _line = new();
    private long _body;
    private long _bodyAhead;

    /// <summary>A body without a length, or an upgrade: where the next request begins is not known, so nothing is changed any more.</summary>
    private bool _opaque;

    public override bool CanRead => inner.CanRead;

    public override bool CanWrite => inner.CanWrite;

    public override bool CanSeek => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        while (!buffer.IsEmpty)
        {
            var (length, raw) = Take(buffer.Span);
            await inner.WriteAsync(raw ? buffer[..length] : _head.WrittenMemory, cancellationToken).ConfigureAwait(false);
            buffer = buffer[length..];
        }
    }

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        while (!buffer.IsEmpty)
        {
            var (length, raw) = Take(buffer);
            inner.Write(raw ? buffer[..length] : _head.WrittenSpan);
            buffer = buffer[length..];
        }
    }

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override void Flush() => inner.Flush();

    public override Task FlushAsync(CancellationToken cancellationToken) => inner.FlushAsync(cancellationToken);

    public override int Read(byte[] buffer, int offset, int count) => inner.Read(buffer, offset, count);

    public override int Read(Span<byte> buffer) => inner.Read(buffer);

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        inner.ReadAsync(buffer, offset, count, cancellationToken);

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => inner.ReadAsync(buffer, cancellationToken);

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override async ValueTask DisposeAsync()
    {
        await inner.DisposeAsync().ConfigureAwait(false);
        await base.DisposeAsync().ConfigureAwait(false);
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            inner.Dispose();
        }

        base.Dispose(disposing);
    }

    /// <summary>How many bytes belong together, and whether they go on as they are or as what is now in <see cref="_head"/>.</summary>
    private (int Length, bool Raw) Take(ReadOnlySpan<byte> bytes)
    {
        if (_opaque)
        {
            return (bytes.Length, true);
        }

        if (_body > 0)
        {
            var length = (int)Math.Min(_body, bytes.Length);
            _body -= length;
            return (length, true);
        }

        _head.ResetWrittenCount();
        for (var i = 0; i < bytes.Length; i++)
        {
            if (bytes[i] == HeaderLineHandler.Joint)
            {
                _head.Write(LineBreak);
                continue;
            }

            _head.Write(bytes.Slice(i, 1));
            if (bytes[i] != '\n')
            {
                if (_line.Length < LongestLengthLine)
                {
                    _line.Append((char)bytes[i]);
                }
            }
            else if (EndLine())
            {
                return (i + 1, false);
            }
        }

        return (bytes.Length, false);
    }

    /// <summary>Takes note of a finished line; true when it ends the head.</summary>
    private bool EndLine()
    {
        var line = _line.ToString().TrimEnd('\r');
        _line.Clear();
        if (line.Length == 0)
        {
            (_body, _bodyAhead) = (_bodyAhead, 0);
            return true;
        }

        if (line.StartsWith("Content-Length:", StringComparison.OrdinalIgnoreCase))
        {
            _bodyAhead = long.Parse(line.AsSpan("Content-Length:".Length), NumberStyles.AllowLeadingWhite, CultureInfo.InvariantCulture);
        }
        else if (line.StartsWith("Transfer-Encoding:", StringComparison.OrdinalIgnoreCase) || line.StartsWith("Upgrade:", StringComparison.OrdinalIgnoreCase))
        {
            _opaque = true;
        }

        return false;
    }
}
