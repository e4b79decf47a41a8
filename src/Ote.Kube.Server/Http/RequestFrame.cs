using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Ote.Kube.Server.Audit;
using Ote.Kube.Server.Store;

namespace Ote.Kube.Server.Http;

/// <summary>
/// What is around each request, whoever serves it: it is counted, noted, and whatever goes wrong in it ends in a Status; only faults of ours are 500 and are logged. Thread-safe.
/// </summary>
internal sealed class RequestFrame(AuditBackend? audit, RequestMetrics metrics, ILogger log)
{
    /// <summary>Serves a request.</summary>
    /// <param name="context">The request.</param>
    /// <param name="route">Answers it, and tells its verb in the words of RBAC.</param>
    public async Task HandleAsync(HttpContext context, Func<HttpContext, AuditTrail?, Task<string>> route)
    {
        var began = metrics.Begin();
        var trail = audit?.Begin(context);
        var verb = "";
        ApiError? failed = null;
        var gone = false;
        try
        {
            verb = await route(context, trail).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            gone = true; // nobody is left to answer
        }
#pragma warning disable CA1031 // The end of every request: a fault becomes an answer.
        catch (Exception fault)
#pragma warning restore CA1031
        {
            failed = ToError(context, fault);
            await ReportAsync(context, failed).ConfigureAwait(false);
        }
        finally
        {
            if (trail is not null)
            {
                await trail.EndedAsync(failed, gone).ConfigureAwait(false);
            }

            metrics.End(began, verb.Length == 0 ? context.Request.Method.ToLowerInvariant() : verb, context.Response.StatusCode);
        }
    }

    private static async Task ReportAsync(HttpContext context, ApiError error)
    {
        try
        {
            await Answers.ErrorAsync(context, error).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            // Gone before it could read the error.
        }
        catch (IOException)
        {
            // As above, noticed by the socket first.
        }
    }

    private ApiError ToError(HttpContext context, Exception fault)
    {
        switch (fault)
        {
            case ApiError error:
                return error;
            case BadHttpRequestException bad:
                return bad.StatusCode == 413 ? new ApiError(413, "RequestEntityTooLarge", bad.Message) : ApiError.BadRequest(bad.Message);
            case RevisionExpiredException:
                return ApiError.Expired("The resourceVersion for the provided list is too old.");
            case Split.ShardAwayException away:
                return new ApiError(503, "ServiceUnavailable", $"{away.Message}; try again soon") { RetryAfterSeconds = 1 };
            case StoreBusyException busy:
                return ApiError.TooManyRequests(busy.Message);
            case StoreRefusedException refused:
                return new ApiError(refused.Code, refused.Reason, refused.Message);
            case StoreFailedException failed:
                return ApiError.Stored(failed); // in the log already, once
            default:
                log.RequestFailed(context.Request.Method, context.Request.Path.Value ?? "", fault);
                return ApiError.Internal("the request could not be processed; the server's log says why");
        }
    }
}
