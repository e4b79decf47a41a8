using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Ote.Kube.Objects;
using Ote.Kube.Server.Access;
using Ote.Kube.Server.Store;

namespace Ote.Kube.Server.Http;

/// <summary>The answer of another cluster that goes on as it comes, such as a log. A refusal is held until it is whole, so that it can say whose it is.</summary>
internal static class StreamedAnswer
{
    /// <summary>Forwards a request for an object that is shown here.</summary>
    public static Task ForwardAsync(IClusterGate clusters, ApiRequest request, ObjectOrigin origin, string target) => ForwardAsync(
        request.Context, () => clusters.ForwardAsync(request.Context, origin.Cluster, request.User, target), refusal => SiteRefusal.Named(refusal, origin, request.Name));

    /// <summary>
    /// Forwards a request for a cluster's own API. Of what keeps it from there kubectl shows its user nothing while it only looks what that API has (but that the server "could not find the requested
    /// resource"); so it is told as a warning too.
    /// </summary>
    public static Task ForwardAsync(IClusterGate clusters, HttpContext context, UserInfo user, ClusterPath path) => ResourcePath.Parse(path.Path) is not null
        ? clusters.ForwardAsync(context, path.Cluster, user, path.Target)
        : ForwardAsync(context, () => clusters.ForwardAsync(context, path.Cluster, user, path.Target), refusal =>
        {
            if (Message(refusal.Span) is { } message && message.Contains($"cluster {path.Cluster} ", StringComparison.Ordinal))
            {
                Answers.Warn(context, message);
            }

            return refusal;
        });

    private static async Task ForwardAsync(HttpContext context, Func<Task> forward, Func<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>> refuse)
    {
        var response = context.Response;
        var client = response.Body;
        using var body = new RefusalBody(response, client);
        response.Body = body;
        try
        {
            await forward().ConfigureAwait(false);
        }
        finally
        {
            response.Body = client;
        }

        if (body.Held is { Length: > 0 } held)
        {
            var answer = refuse(held);
            response.ContentLength = response.ContentLength is null ? null : answer.Length;
            await client.WriteAsync(answer, context.RequestAborted).ConfigureAwait(false);
        }
    }

    private static string? Message(ReadOnlySpan<byte> refusal)
    {
        try
        {
            return JsonNode.Parse(refusal) is JsonObject status && status.Text("kind") == "Status" ? status.Text("message") : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
