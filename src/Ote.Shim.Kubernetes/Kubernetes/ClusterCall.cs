using System.Buffers;
using System.Diagnostics;
using System.Net.Sockets;
using Ote.Shim.Contract;
using Error = Ote.Shim.Contract.ExecuteResponse.Types.Error;

namespace Ote.Shim.Kubernetes.Kubernetes;

/// <summary>One HTTP exchange with the API server: what it answers comes back as it is, what prevents an answer has a code of its own.</summary>
internal sealed class ClusterCall(HttpClient http, Impersonation impersonate)
{
    private const int FirstBuffer = 16 * 1024;

    /// <summary>For sentences: which server.</summary>
    public string Server { get; } = http.BaseAddress?.GetLeftPart(UriPartial.Authority)
        ?? throw new ArgumentException("the HTTP client of a shim needs the API server's URL as its base address", nameof(http));

    /// <summary>
    /// Sends and reads at most <paramref name="cap"/> bytes, under the trace of <paramref name="traceparent"/> when that is a W3C trace context. Throws only <see cref="OperationCanceledException"/>, when <paramref name="ct"/> says so.
    /// </summary>
    public async Task<ExecuteResponse> SendAsync(string method, string target, ReadOnlyMemory<byte> body, string contentType, User? user, int cap, string traceparent, CancellationToken ct)
    {
        using HttpRequestMessage message = new(new HttpMethod(method), Absolute(target))
        {
            Version = System.Net.HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionOrLower,
        };
        message.Headers.TryAddWithoutValidation("Accept", "application/json");
        message.Headers.TryAddWithoutValidation("User-Agent", "ote-shim");
        if (ActivityContext.TryParse(traceparent, null, out _)) message.Headers.TryAddWithoutValidation("traceparent", traceparent);
        if (user is not null && impersonate == Impersonation.Requester)
        {
            message.Headers.TryAddWithoutValidation("Impersonate-User", user.Name);
            foreach (string group in user.Groups)
                message.Headers.TryAddWithoutValidation("Impersonate-Group", group);
        }
        if (!body.IsEmpty)
        {
            message.Content = new ReadOnlyMemoryContent(body);
            message.Content.Headers.TryAddWithoutValidation("Content-Type", contentType);
        }
        try
        {
            using HttpResponseMessage response = await http.SendAsync(message, HttpCompletionOption.ResponseHeadersRead, ct);
            return await ReadAsync(method, target, response, cap, ct);
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            ct.ThrowIfCancellationRequested();
            return Unanswered(method, target, e);
        }
    }

    private static async Task<ExecuteResponse> ReadAsync(string method, string target, HttpResponseMessage response, int cap, CancellationToken ct)
    {
        int code = (int)response.StatusCode;
        if (response.Content.Headers.ContentLength > cap)
            return TooLarge(method, target, code, cap);
        await using Stream stream = await response.Content.ReadAsStreamAsync(ct);
        ArrayBufferWriter<byte> read = new(Math.Min(cap + 1, FirstBuffer));
        while (true)
        {
            // One byte more than the cap, to tell an answer that just fits from one that does not.
            Memory<byte> room = read.GetMemory();
            room = room[..Math.Min(room.Length, cap + 1 - read.WrittenCount)];
            int got = await stream.ReadAsync(room, ct);
            if (got == 0)
                return ShimAnswer.FromCluster(code, read.WrittenMemory, response.Content.Headers.ContentType?.ToString() ?? "");
            read.Advance(got);
            if (read.WrittenCount > cap)
                return TooLarge(method, target, code, cap);
        }
    }

    /// <summary>The path was checked in the form it has; it is sent in that form, not tidied up into another.</summary>
    private Uri Absolute(string target) =>
        new(Server + http.BaseAddress!.AbsolutePath.TrimEnd('/') + target, new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true });

    private static ExecuteResponse TooLarge(string method, string target, int code, int cap) => ShimAnswer.Failure(Error.TooLarge,
        $"{method} {target}: the cluster answered {code} with more than {cap} bytes; the request ran; ask for less (a name, a selector, limit) or raise maxResponseBytes");

    private ExecuteResponse Unanswered(string method, string target, Exception e)
    {
        Exception inner = e;
        while (inner.InnerException is { } next)
            inner = next;
        string what = $"{method} {target}: API server {Server}";
        if (inner is SocketException { SocketErrorCode: SocketError.ConnectionRefused })
            return ShimAnswer.Failure(Error.Refused, $"{what} refuses connections; nothing ran; see that it runs there and that the shim's kubeconfig names it");
        bool sent = e is not HttpRequestException { HttpRequestError: HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError or HttpRequestError.SecureConnectionError };
        return ShimAnswer.Failure(Error.Unreachable, sent
            ? $"{what} went away before it answered ({inner.Message}); a write may have run"
            : $"{what} cannot be reached ({inner.Message}); nothing ran; see the network and the shim's kubeconfig");
    }
}
