using System.Globalization;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;
using Ote.Cluster.Access;
using Ote.Cluster.Audit;
using Ote.Protocol.Tunnel;
using Ote.Shim;
using Ote.Shim.Live;
using Yarp.ReverseProxy.Forwarder;

namespace Ote.Cluster.Streams;

/// <summary>What is said of the stream that a request came over.</summary>
internal sealed record LiveCaller(OpenStream Opened);

/// <summary>Carries requests that came over streams out at the managed cluster's API: as who asks, within what policies and the shim let pass, and noted.</summary>
/// <param name="self">The own name.</param>
/// <param name="cluster">The managed cluster.</param>
/// <param name="access">The policies in force here.</param>
/// <param name="audit">Where requests are noted; null: nowhere.</param>
/// <param name="time">The clock.</param>
/// <param name="log">Where it logs.</param>
internal sealed class LiveRequests(string self, ILiveCluster cluster, ICommandAccess access, AuditLog? audit, TimeProvider time, ILogger log)
{
    private static readonly ForwarderRequestConfig Patient = new() { ActivityTimeout = TimeSpan.FromHours(4), Version = System.Net.HttpVersion.Version11 };

    private readonly long _began = time.GetUtcNow().ToUnixTimeMilliseconds();
    private long _count;

    /// <summary>Answers one request.</summary>
    /// <param name="context">The request.</param>
    /// <param name="forwarder">Carries it on.</param>
    public async Task AnswerAsync(HttpContext context, IHttpForwarder forwarder)
    {
        if (context.Features.Get<LiveCaller>() is not { Opened: var opened })
        {
            context.Response.StatusCode = StatusCodes.Status403Forbidden;
            return;
        }

        var target = context.Features.Get<IHttpRequestFeature>()!.RawTarget;
        var command = new Command
        {
            Entry = opened.Entry, CommandUid = string.Create(CultureInfo.InvariantCulture, $"live-{_began:x}-{Interlocked.Increment(ref _count)}"), Selector = self, Destination = "api", Method = context.Request.Method, Url = target, Requester = opened.Requester, DisplayName = "live",
        };
        var verdict = await access.JudgeAsync(command, [self], context.RequestAborted).ConfigureAwait(false);
        var objection = verdict.Refused.Contains(self) ? verdict.Text : cluster.LiveObjection(context.Request.Method, target);
        if (objection is not null)
        {
            audit?.Write(AuditLine.Live(self, command, StatusCodes.Status403Forbidden, objection, time.GetUtcNow()));
            await LiveStatus.WriteAsync(context, StatusCodes.Status403Forbidden, "Forbidden", objection).ConfigureAwait(false);
            return;
        }

        var error = await forwarder.SendAsync(context, cluster.LiveAddress!.ToString(), cluster.LiveInvoker, Patient, new ActAs(cluster, opened.Requester, target, time)).ConfigureAwait(false);
        audit?.Write(AuditLine.Live(self, command, context.Response.StatusCode, "", time.GetUtcNow()));
        if (error != ForwarderError.None)
        {
            var cause = context.Features.Get<IForwarderErrorFeature>()?.Exception?.GetBaseException().Message ?? error.ToString();
            log.LiveRequestEnded(context.Request.Method, target, cause);
            if (!context.Response.HasStarted && !context.RequestAborted.IsCancellationRequested)
            {
                await LiveStatus.WriteAsync(context, StatusCodes.Status503ServiceUnavailable, "ServiceUnavailable", $"the API server of cluster {self} does not answer: {cause}").ConfigureAwait(false);
            }
        }
    }

    private static bool IsOfIdentity(string header) =>
        header.Equals("Authorization", StringComparison.OrdinalIgnoreCase) || header.StartsWith(ActAs.Prefix, StringComparison.OrdinalIgnoreCase)
        || header.StartsWith("X-Remote-", StringComparison.OrdinalIgnoreCase) || header.StartsWith("X-Forwarded-", StringComparison.OrdinalIgnoreCase);

    /// <summary>A request as it goes to the cluster: without what could make it another's, as who asks.</summary>
    private sealed class ActAs(ILiveCluster cluster, Requester requester, string target, TimeProvider time) : LiveTransformer(target, IsOfIdentity, time)
    {
        public const string Prefix = "Impersonate-";

        public override async ValueTask TransformRequestAsync(HttpContext httpContext, HttpRequestMessage proxyRequest, string destinationPrefix, CancellationToken cancellationToken)
        {
            await base.TransformRequestAsync(httpContext, proxyRequest, destinationPrefix, cancellationToken).ConfigureAwait(false);
            if (cluster.ActsAsRequester)
            {
                proxyRequest.Headers.TryAddWithoutValidation(Prefix + "User", requester.User);
                foreach (var group in requester.Groups)
                {
                    proxyRequest.Headers.TryAddWithoutValidation(Prefix + "Group", group);
                }
            }
        }
    }
}
