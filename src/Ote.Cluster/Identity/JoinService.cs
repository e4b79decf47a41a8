using Google.Protobuf;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Logging;
using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Identity;

/// <summary>
/// The parent's side of joining: <c>GET /join/ca</c>, <c>GET /join/trust</c> and <c>POST /join</c>. Requests are answered by a function: the root's decides, any
/// other's sends the request up its link. Thread-safe.
/// </summary>
/// <param name="identity">Whose CA is told.</param>
/// <param name="answer">Answers a request; throwing or timing out means "ask again", and the reason of a <see cref="JoinLaterException"/> is told. It must not log the token.</param>
/// <param name="time">The clock.</param>
/// <param name="log">Failures.</param>
/// <param name="maxConcurrent">Requests under way at once; more are told to come again. Default 512.</param>
/// <param name="perSecond">Requests a second, bursts of twice that; more are told to come again. Default 1,000.</param>
public sealed class JoinService(
    IdentitySource identity,
    Func<JoinRequest, CancellationToken, Task<JoinAnswer>> answer,
    TimeProvider time,
    ILogger log,
    int maxConcurrent = 512,
    int perSecond = 1000)
{
    /// <summary>Header of a 503: the address of the replica that does answer.</summary>
    internal const string LeaderHeader = "Ote-Leader";

    internal const string ContentType = "application/x-protobuf";
    private const int MaxBodyBytes = 64 * 1024;
    private const int RetrySeconds = 2;
    private static readonly TimeSpan AnswerTimeout = TimeSpan.FromSeconds(25);
    private readonly WaitingApplicants waiting = new();
    private readonly Lock gate = new();
    private readonly long started = time.GetTimestamp();
    private Tunnel.TokenBucket bucket = new(perSecond);
    private int underWay;

    /// <summary>Maps both endpoints.</summary>
    public void Map(IEndpointRouteBuilder endpoints)
    {
        endpoints.MapGet("/join/ca", (RequestDelegate)GetAuthorityAsync);
        endpoints.MapGet("/join/trust", (RequestDelegate)GetTrustAsync);
        endpoints.MapPost("/join", (RequestDelegate)JoinAsync);
    }

    private Task GetAuthorityAsync(HttpContext context)
    {
        byte[] raw = identity.Current.Authority.RawData;
        context.Response.ContentType = "application/pkix-cert";
        context.Response.ContentLength = raw.Length;
        return context.Response.Body.WriteAsync(raw, context.RequestAborted).AsTask();
    }

    private Task GetTrustAsync(HttpContext context)
    {
        byte[] raw = identity.Trust.Signed?.ToByteArray() ?? [];
        context.Response.ContentType = ContentType;
        context.Response.ContentLength = raw.Length;
        return context.Response.Body.WriteAsync(raw, context.RequestAborted).AsTask();
    }

    private async Task JoinAsync(HttpContext context)
    {
        if (!TryEnter())
        {
            context.Response.Headers.RetryAfter = RetrySeconds.ToString(System.Globalization.CultureInfo.InvariantCulture);
            await LaterAsync(context, "more clusters ask to join than are answered at once").ConfigureAwait(false);
            return;
        }

        try
        {
            await AnswerAsync(context).ConfigureAwait(false);
        }
        finally
        {
            Interlocked.Decrement(ref underWay);
        }
    }

    private async Task AnswerAsync(HttpContext context)
    {
        JoinRequest? request = await ReadAsync(context).ConfigureAwait(false);
        if (request is null) return;
        using CancellationTokenSource late = new(AnswerTimeout, time);
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, context.RequestAborted);
        JoinAnswer reply;
        try
        {
            reply = await answer(request, either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            return;
        }
#pragma warning disable CA1031 // Whatever keeps the tree from answering, the child is to ask again; the cause is logged here.
        catch (Exception fault)
#pragma warning restore CA1031
        {
            log.JoinNotAnswered(request.Name, request.Uid, fault.Message);
            if (fault is JoinLaterException { Leader: { } leader }) context.Response.Headers[LeaderHeader] = leader;
            await LaterAsync(context, fault switch
            {
                JoinLaterException later => later.Message,
                OperationCanceledException => $"no answer came from the root within {AnswerTimeout.TotalSeconds:0} s",
                _ => "the request could not be decided; the log of who was asked says why",
            }).ConfigureAwait(false);
            return;
        }

        if (!waiting.IsRepeated(request, reply)) log.JoinAnswered(request.Name, request.Uid, reply.Outcome, reply.Text);
        if (reply.Outcome == JoinAnswer.Types.Outcome.Issued) ApplicantConnection.Admit(context, reply.Certificate);
        context.Response.ContentType = ContentType;
        await context.Response.Body.WriteAsync(reply.ToByteArray(), context.RequestAborted).ConfigureAwait(false);
    }

    /// <summary>Not now, and why: for people, in the log of the one who joins.</summary>
    private static Task LaterAsync(HttpContext context, string why)
    {
        context.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
        context.Response.ContentType = "text/plain";
        return context.Response.WriteAsync(why + "\n", context.RequestAborted);
    }

    private static async Task<JoinRequest?> ReadAsync(HttpContext context)
    {
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit) limit.MaxRequestBodySize = MaxBodyBytes;
        try
        {
            using MemoryStream body = new();
            await context.Request.Body.CopyToAsync(body, context.RequestAborted).ConfigureAwait(false);
            JoinRequest request = JoinRequest.Parser.ParseFrom(body.GetBuffer().AsSpan(0, (int)body.Length));
            request.Via.Clear(); // the way back is ours to say
            return request;
        }
        catch (InvalidProtocolBufferException)
        {
            context.Response.StatusCode = StatusCodes.Status400BadRequest;
            return null;
        }
        catch (BadHttpRequestException e)
        {
            context.Response.StatusCode = e.StatusCode;
            return null;
        }
    }

    private bool TryEnter()
    {
        lock (gate)
        {
            long now = (long)time.GetElapsedTime(started).TotalMilliseconds;
            if (bucket.Peek(now) > 0 || Volatile.Read(ref underWay) >= maxConcurrent) return false;
            bucket.Take(1, now);
        }

        Interlocked.Increment(ref underWay);
        return true;
    }
}
