using System.Buffers;
using System.Net.WebSockets;
using System.Text;
using Microsoft.AspNetCore.Http;

namespace Ote.Shim.Live;

/// <summary>
/// A request as it goes on, whose answer says so, where the protocol has a place for it, when the way it came by breaks: of a connection that merely ends some clients say nothing. A watch ends with an event of type ERROR; where the
/// way breaks within an event there is no place for another, and the connection is ended as of any answer. An exec or attach over SPDY ends as of a command that failed. All else goes on as it comes.
/// </summary>
/// <param name="target">Path and query.</param>
/// <param name="isDropped">Whether a header does not go along.</param>
/// <param name="broken">What to say, for people.</param>
/// <param name="idle">For so long nothing may come.</param>
/// <param name="time">The clock.</param>
internal class CutTransformer(string target, Func<string, bool> isDropped, string broken, TimeSpan idle, TimeProvider time) : LiveTransformer(target, isDropped, time)
{
    private const int BufferBytes = 16 * 1024;
    private readonly bool _isWatch = IsWatch(target);
    private readonly bool _isExec = IsExec(target);

    public override async ValueTask<bool> TransformResponseAsync(HttpContext httpContext, HttpResponseMessage? proxyResponse, CancellationToken cancellationToken)
    {
        var hasBody = await base.TransformResponseAsync(httpContext, proxyResponse, cancellationToken).ConfigureAwait(false);
        if (!hasBody || !_isWatch || proxyResponse is not { StatusCode: System.Net.HttpStatusCode.OK, Content: { Headers: { ContentType.MediaType: "application/json", ContentEncoding.Count: 0 } } content })
        {
            return hasBody;
        }

        await CopyAsync(httpContext, content).ConfigureAwait(false);
        return false;
    }

    /// <summary>Whether a path and query ask for a watch.</summary>
    internal static bool IsWatch(string target)
    {
        var query = target.IndexOf('?', StringComparison.Ordinal);
        return query >= 0 && target[(query + 1)..].Split('&').Any(p => p is "watch" or "watch=" or "watch=true" or "watch=1" or "watch=True" or "watch=t");
    }

    /// <summary>Whether a path and query have a command run, or join one that runs.</summary>
    internal static bool IsExec(string target) => target.Split('?')[0].Split('/') is [.., "pods", _, "exec" or "attach"];

    protected override Stream Connection(HttpContext context, HttpResponseMessage answer, UpgradedStream stream) =>
        _isExec && answer.Headers.Upgrade.Any(u => u.Name.Equals("SPDY", StringComparison.OrdinalIgnoreCase)) ? new ExecStream(stream, Failure(answer), Time, context.RequestAborted) : stream;

    /// <summary>What a client that agreed on a protocol understands as a command's failure: a Status from the fourth version on, words before.</summary>
    private ReadOnlyMemory<byte> Failure(HttpResponseMessage answer) =>
        answer.Headers.TryGetValues("X-Stream-Protocol-Version", out var versions) && versions.Any(v => v is "v4.channel.k8s.io" or "v5.channel.k8s.io")
            ? LiveStatus.Encode(StatusCodes.Status503ServiceUnavailable, "ServiceUnavailable", broken)
            : Encoding.UTF8.GetBytes(broken);

    private async Task CopyAsync(HttpContext context, HttpContent content)
    {
        var gone = context.RequestAborted;
        var buffer = ArrayPool<byte>.Shared.Rent(BufferBytes);
        var last = (byte)'\n';
        try
        {
            var source = await content.ReadAsStreamAsync(gone).ConfigureAwait(false);
            while (await ReadAsync(source, buffer, gone).ConfigureAwait(false) is var read and not 0)
            {
                if (read < 0)
                {
                    await BreakAsync(context, last).ConfigureAwait(false);
                    return;
                }

                await context.Response.Body.WriteAsync(buffer.AsMemory(0, read), gone).ConfigureAwait(false);
                await context.Response.Body.FlushAsync(gone).ConfigureAwait(false);
                last = buffer[read - 1];
            }
        }
        catch (Exception left) when (left is OperationCanceledException or IOException)
        {
            context.Abort(); // whoever watched has gone
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>So many bytes; 0: it has ended; less: it broke.</summary>
    private async Task<int> ReadAsync(Stream source, Memory<byte> buffer, CancellationToken gone)
    {
        using var late = CancellationTokenSource.CreateLinkedTokenSource(gone);
        late.CancelAfter(idle);
        try
        {
            return await source.ReadAsync(buffer, late.Token).ConfigureAwait(false);
        }
        // A stream over a WebSocket breaks with that's own exception.
        catch (Exception cut) when (!gone.IsCancellationRequested && cut is IOException or HttpRequestException or WebSocketException or ObjectDisposedException or OperationCanceledException)
        {
            return -1;
        }
    }

    private async Task BreakAsync(HttpContext context, byte last)
    {
        if (last != (byte)'\n')
        {
            context.Abort();
            return;
        }

        using var line = new MemoryStream();
        line.Write("{\"type\":\"ERROR\",\"object\":"u8);
        line.Write(LiveStatus.Encode(StatusCodes.Status503ServiceUnavailable, "ServiceUnavailable", broken).Span);
        line.Write("}\n"u8);
        await context.Response.Body.WriteAsync(line.ToArray(), context.RequestAborted).ConfigureAwait(false);
    }
}
