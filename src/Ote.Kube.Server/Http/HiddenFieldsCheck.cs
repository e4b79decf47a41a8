using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Ote.Kube.Objects;
using Ote.Kube.Server.Store;

namespace Ote.Kube.Server.Http;

/// <summary>Refuses a write to an object of another cluster that would take away there what is merely not shown here.</summary>
internal static class HiddenFieldsCheck
{
    /// <summary>Lets pass what takes nothing away.</summary>
    /// <param name="clusters">Where the cluster is asked what its manager has applied.</param>
    /// <param name="request">The write.</param>
    /// <param name="verb">Its verb.</param>
    /// <param name="origin">Whose object it is.</param>
    /// <param name="target">Path at the cluster, without a query.</param>
    /// <param name="body">What is written; null: it could not be read.</param>
    /// <param name="hidden">What is not shown of the kind.</param>
    /// <exception cref="ApiError">It would take something away, or that cannot be told.</exception>
    public static async Task CheckAsync(IClusterGate clusters, ApiRequest request, string verb, ObjectOrigin origin, string target, JsonNode? body, HiddenFields hidden)
    {
        if (!hidden.Any || request.Path.Subresource == "scale")
        {
            return;
        }

        if (verb == "update" && request.Path.Subresource is { } part && hidden.LostByReplace(part) is { } replaced)
        {
            throw Refusal(request, origin, replaced, $"to replace its {part} would take that away");
        }

        if (verb != "patch")
        {
            return;
        }

        var (lost, how) = (Body.MediaType(request.Context.Request), body) switch
        {
            (PatchReader.Merge, JsonObject patch) => (hidden.LostByMerge(patch), "this merge patch replaces a list that has it, which would take it away; a strategic merge patch does not"),
            (PatchReader.Strategic, JsonObject patch) => (hidden.LostByStrategicMerge(patch, request.Kind.Schema), "this patch replaces what has it, which would take it away"),
            (PatchReader.Json, JsonArray operations) => (hidden.LostByJsonPatch(operations), "this JSON patch puts something in the place of what has it, which would take it away"),
            (PatchReader.Apply, JsonObject applied) => (
                await LostByApplyAsync(clusters, request, origin, target, applied, hidden).ConfigureAwait(false),
                $"\"{request.Query.Text("fieldManager")}\" has applied it before and leaves it out here, so that server-side apply would take it away"),
            (PatchReader.Merge or PatchReader.Strategic or PatchReader.Json or PatchReader.Apply, _) => throw ApiError.BadRequest(
                $"the patch of {Name(request)} cannot be read, so that nobody here can tell whether it takes away what is not shown here; ask cluster {origin.Cluster} itself, {Way(origin)}"),
            _ => throw ApiError.UnsupportedMediaType(PatchReader.Json, PatchReader.Merge, PatchReader.Strategic, PatchReader.Apply),
        };
        if (lost is not null)
        {
            throw Refusal(request, origin, lost, how);
        }
    }

    private static ApiError Refusal(ApiRequest request, ObjectOrigin origin, string field, string how) => new(
        405, "MethodNotAllowed",
        $"{Name(request)} is shown without {field}, and {how}. Nothing was changed. Ask cluster {origin.Cluster} itself, where it is \"{origin.Name}\" and whole: {Way(origin)}", new JsonObject());

    private static string Name(ApiRequest request) => $"{request.Kind.GroupResource} \"{request.Name}\"";

    private static string Way(ObjectOrigin origin) => $"behind /clusters/{origin.Cluster} (otectl kubeconfig --cluster {origin.Cluster})";

    private static async Task<string?> LostByApplyAsync(IClusterGate clusters, ApiRequest request, ObjectOrigin origin, string target, JsonObject applied, HiddenFields hidden)
    {
        var manager = request.Query.Text("fieldManager");
        var there = await ReadAsync(clusters, request, origin, target).ConfigureAwait(false);
        foreach (var entry in there.Items("metadata", "managedFields") ?? [])
        {
            if (entry.Text("manager") == manager && entry.Text("operation") == "Apply" && (entry.Text("subresource") ?? "") == (request.Path.Subresource ?? "")
                && entry.At("fieldsV1") is JsonObject owned && hidden.LostByApply(applied, owned) is { } lost)
            {
                return lost;
            }
        }

        return null;
    }

    /// <summary>The object as its cluster has it, read as who asks.</summary>
    private static async Task<JsonObject?> ReadAsync(IClusterGate clusters, ApiRequest request, ObjectOrigin origin, string target)
    {
        using var answer = new MemoryStream();
        var inner = new DefaultHttpContext { RequestServices = request.Context.RequestServices, RequestAborted = request.Aborted };
        inner.Request.Method = HttpMethods.Get;
        inner.Request.Scheme = request.Context.Request.Scheme;
        inner.Request.Host = request.Context.Request.Host;
        inner.Request.Path = target;
        inner.Request.Headers.Accept = "application/json";
        inner.Features.Set<IHttpResponseBodyFeature>(new StreamResponseBodyFeature(answer));
        await clusters.ForwardAsync(inner, origin.Cluster, request.User, target).ConfigureAwait(false);
        JsonObject? read = null;
        try
        {
            read = JsonNode.Parse(answer.GetBuffer().AsSpan(0, (int)answer.Length)) as JsonObject;
        }
        catch (JsonException)
        {
            // Told below.
        }

        return inner.Response.StatusCode switch
        {
            200 when read is not null => read,
            404 => null, // the apply makes it: nothing is taken away
            var code => throw new ApiError(
                code >= 400 ? code : 503, read.Text("reason") ?? "ServiceUnavailable",
                $"what an apply would take away of {Name(request)} is asked of cluster {origin.Cluster} first, which answered: {read.Text("message") ?? $"status {code}"}"),
        };
    }
}
