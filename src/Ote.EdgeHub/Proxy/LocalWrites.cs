using System.Text.Json;
using System.Text.Json.Nodes;
using Ote.EdgeHub.Cache;
using Ote.EdgeHub.Offline;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Kube.Server.Store;

namespace Ote.EdgeHub.Proxy;

/// <summary>Which writes are taken into the node's own state while it is cut off, and who may make them. Thread-safe.</summary>
/// <param name="cache">What is known here.</param>
/// <param name="kubelet">The kubelet's user.</param>
/// <param name="node">The node's name.</param>
internal sealed class LocalWrites(NodeCache cache, string kubelet, string node)
{
    private readonly OwnObjects _own = new(node);

    /// <summary>Why a write of a kind that is taken is refused all the same; null: it is not.</summary>
    /// <param name="caller">Who writes.</param>
    /// <param name="request">The request; of a resource.</param>
    /// <param name="type">The media type of its body.</param>
    /// <param name="body">Its body.</param>
    public KubeStatusException? Refusal(Caller caller, HubRequest request, string? type, ReadOnlySpan<byte> body)
    {
        var path = request.Path!;
        if (caller.IsPod || (request.Method == "DELETE" && !MergeRules.TakesDeletion($"{path.Group}/{path.Resource}")))
        {
            return Unavailable(Unanswered.Text(request, caller.Name, isKnown: true));
        }

        // The journal is told with the kubelet's credentials: nobody else may put into it what these allow.
        if (caller.Name != kubelet && path.Resource != "events")
        {
            return Unavailable($"while the node is cut off only its kubelet writes {path.Resource}; \"{caller.Name}\" may when an API server answers and lets it");
        }

        if (path is { Group: "", Resource: "pods", Name: null })
        {
            return request.Method != "POST" ? Unavailable("pods are deleted one by one while the node is cut off") : OfPod(path.Namespace, type, body);
        }

        if (path is { Group: "", Resource: "pods", Subresource: null } && request.Method is "PUT" or "PATCH")
        {
            return Forbidden($"pods \"{path.Name}\" is forbidden: of its pods a kubelet writes the status alone, as at an API server");
        }

        if (path.Name is not { } name)
        {
            return null;
        }

        var query = CacheQuery.Of(path);
        var key = new StoreKey(query.Resource, query.Namespace ?? "", name);
        var known = cache.FindAnywhere(key);
        // It may well be there: to be told that it is not would be taken for the truth.
        return _own.Refusal(key, known is not null && path.Resource == "pods" ? JsonNode.Parse(known.Json) as JsonObject : null) is { } others ? Forbidden(others)
            : known is null && !cache.EndedHere(key) && !cache.Scopes.Any(scope => scope.Complete.IsCompleted && scope.Query.Covers(key))
                ? Unavailable($"the node is cut off from its API servers, and whether there is such an object among the {path.Resource} as \"{name}\" is not known here")
            : null;
    }

    private static KubeStatusException Unavailable(string message) => new(503, "ServiceUnavailable", message);

    private static KubeStatusException Forbidden(string message) => new(403, "Forbidden", message);

    private KubeStatusException? OfPod(string? ns, string? type, ReadOnlySpan<byte> body)
    {
        try
        {
            if (type?.Contains("protobuf", StringComparison.Ordinal) == true)
            {
                // As a kubelet writes, of its own pods; the annotation stands in it as it is.
                return body.IndexOf("kubernetes.io/config.mirror"u8) >= 0 ? null : Unavailable(MergeRules.RefusesPod([])!);
            }

            return JsonNode.Parse(body) is not JsonObject pod ? null
                : MergeRules.RefusesPod(pod) is { } refused ? Unavailable(refused)
                : _own.Refusal(new StoreKey("/pods", ns ?? "", pod.Name()), pod) is { } others ? Forbidden(others)
                : null;
        }
        catch (JsonException)
        {
            return null; // The server says what is wrong with it.
        }
    }
}
