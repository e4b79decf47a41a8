using System.Buffers.Text;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Ote.Kube.Client;

namespace Ote.Bench.Store;

/// <summary>
/// One watch over a TLS connection of its own, in HTTP/1.1, read with as little as that needs: what the readers use of the machine, the server under test
/// lacks. Each event is a line of the body, and the body comes in chunks.
/// </summary>
/// <param name="seen">Called with each line.</param>
internal sealed class WatchConnection(Action<ReadOnlySpan<byte>> seen)
{
    private readonly byte[] _buffer = new byte[16 * 1024];

    // The buffer begins with text out of which the framing was taken, not a whole line yet; what came behind it is still to be decoded.
    private int _text;
    private int _end;
    private int _left;
    private int _skip;

    /// <summary>Connects and asks; complete when the headers of the answer are there.</summary>
    /// <returns>The reading, which ends with the connection.</returns>
    /// <exception cref="BenchException">It was not answered with chunks.</exception>
    public async Task<Task> OpenAsync(KubeEndpoint endpoint, string path, CancellationToken ct)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(endpoint.Server.Host, endpoint.Server.Port, ct);
        var stream = new SslStream(new NetworkStream(socket, ownsSocket: true));
        var trust = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        trust.CustomTrustStore.AddRange(endpoint.Authorities);
        await stream.AuthenticateAsClientAsync(
            new SslClientAuthenticationOptions
            {
                TargetHost = endpoint.Server.Host, CertificateChainPolicy = trust, ClientCertificates = [endpoint.ClientCertificate!],
                LocalCertificateSelectionCallback = (_, _, _, _, _) => endpoint.ClientCertificate!,
            },
            ct);
        await stream.WriteAsync(Encoding.ASCII.GetBytes($"GET /{path} HTTP/1.1\r\nHost: {endpoint.Server.Authority}\r\nAccept: application/json\r\n\r\n"), ct);
        await HeadAsync(stream, path, ct);
        return ReadAsync(stream);
    }

    private async Task HeadAsync(SslStream stream, string path, CancellationToken ct)
    {
        int length;
        while ((length = _buffer.AsSpan(0, _end).IndexOf("\r\n\r\n"u8)) < 0)
        {
            await FillAsync(stream, ct);
        }

        var head = Encoding.ASCII.GetString(_buffer, 0, length);
        if (!head.StartsWith("HTTP/1.1 200 ", StringComparison.Ordinal) || !head.Contains("\r\nTransfer-Encoding: chunked", StringComparison.OrdinalIgnoreCase))
        {
            throw new BenchException($"GET {path} was not answered with a watch but with: {head}");
        }

        _end -= length + 4;
        _buffer.AsSpan(length + 4, _end).CopyTo(_buffer);
    }

    private async Task ReadAsync(SslStream stream)
    {
        await using var owned = stream;
        while (Take())
        {
            await FillAsync(stream, CancellationToken.None);
        }
    }

    private async ValueTask FillAsync(SslStream stream, CancellationToken ct)
    {
        var read = await stream.ReadAsync(_buffer.AsMemory(_end), ct);
        _end += read > 0 ? read : throw new BenchException(_end == _buffer.Length ? "an event is longer than a watcher's buffer" : "the server ended a watch");
    }

    /// <summary>Decodes what came and tells the whole lines. False at the end of the body.</summary>
    private bool Take()
    {
        var (at, going) = (_text, true);
        while (at < _end && going)
        {
            if (_left > 0)
            {
                var length = Math.Min(_left, _end - at);
                _buffer.AsSpan(at, length).CopyTo(_buffer.AsSpan(_text));
                (at, _text, _left) = (at + length, _text + length, _left - length);
                _skip = _left == 0 ? 2 : 0; // a chunk is followed by the end of a line
            }
            else if (_skip > 0)
            {
                (at, _skip) = (at + 1, _skip - 1);
            }
            else if (_buffer.AsSpan(at, _end - at).IndexOf("\r\n"u8) is >= 0 and var line)
            {
                going = Utf8Parser.TryParse(_buffer.AsSpan(at, line), out _left, out _, 'x') && _left > 0;
                at += line + 2;
            }
            else
            {
                break;
            }
        }

        var told = 0;
        while (_buffer.AsSpan(told, _text - told).IndexOf((byte)'\n') is >= 0 and var end)
        {
            seen(_buffer.AsSpan(told, end));
            told += end + 1;
        }

        _buffer.AsSpan(told, _text - told).CopyTo(_buffer);
        _text -= told;
        _buffer.AsSpan(at, _end - at).CopyTo(_buffer.AsSpan(_text));
        _end = _text + _end - at;
        return going;
    }
}
