using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Ote.Kube.Objects;
using Ote.Kube.Server.Store;

namespace Ote.Kube.Server.Http;

/// <summary>
/// The body of a request for an object that is shown from elsewhere, as its cluster has to have it: under the name it has there, and without what only this server says of it.
/// </summary>
internal static class OriginBody
{
    private const string Own = "ote.baidu.com/";
    private const int MostBytes = 3 * 1024 * 1024;
    private const int MostDepth = 64;
    private static readonly string[] s_ownAnnotations = [Own + "cluster", Own + "name", Own + "resource-version", Own + "stale-since"];

    /// <summary>Puts the translated body in place of the one that came; what is no object, such as a JSON patch, goes as it is.</summary>
    /// <returns>The body as it goes; null where there is none, or none that is understood here.</returns>
    /// <exception cref="ApiError">It is too large, or would move the object to another cluster.</exception>
    public static async Task<JsonNode?> TranslateAsync(HttpRequest request, ResourcePath path, Schema.KindInfo kind, ObjectOrigin origin, CancellationToken cancellation)
    {
        // The options of a deletion name no object, but may be of the group in which it is shown.
        if (!(request.Method is "PATCH" or "POST" or "PUT" || (request.Method == "DELETE" && kind.Shows is not null)) || request.Headers.Connection.ToString().Contains("upgrade", StringComparison.OrdinalIgnoreCase))
        {
            return null;
        }

        var bytes = await ReadAsync(request.Body, cancellation).ConfigureAwait(false);
        if (bytes.Length == 0)
        {
            return null;
        }

        var (body, node) = (bytes, Parse(request, bytes));
        if (node is JsonObject obj)
        {
            Translate(obj, origin, kind, path);
            body = JsonSerializer.SerializeToUtf8Bytes(obj, NodeJson.Default.JsonObject);
        }

        request.Headers.Remove("Transfer-Encoding"); // it has a length now
        request.Body = new MemoryStream(body);
        request.ContentLength = body.Length;
        return node;
    }

    /// <summary>What is no JSON is not ours to judge: the cluster does.</summary>
    private static JsonNode? Parse(HttpRequest request, byte[] bytes)
    {
        try
        {
            return JsonNode.Parse(bytes);
        }
        catch (JsonException)
        {
            return request.Method == "PATCH" && request.ContentType?.StartsWith(PatchReader.Apply, StringComparison.Ordinal) == true ? ParseYaml(bytes) : null;
        }
    }

    private static JsonObject? ParseYaml(byte[] bytes)
    {
        try
        {
            return PatchReader.ReadApplied(bytes, MostDepth);
        }
        catch (ApiError)
        {
            return null;
        }
    }

    private static async Task<byte[]> ReadAsync(Stream body, CancellationToken cancellation)
    {
        using var all = new MemoryStream();
        var part = new byte[16 * 1024];
        while (await body.ReadAsync(part, cancellation).ConfigureAwait(false) is > 0 and var read)
        {
            if (all.Length + read > MostBytes)
            {
                throw new ApiError(413, "RequestEntityTooLarge", $"Request entity too large: limit is {MostBytes}");
            }

            all.Write(part, 0, read);
        }

        return all.ToArray();
    }

    private static void Translate(JsonObject obj, ObjectOrigin origin, Schema.KindInfo kind, ResourcePath path)
    {
        if (path.Group.Length > 0 && obj.Text("apiVersion") == $"{path.Group}/{path.Version}" && (origin.ApiVersion ?? kind.Shows?.ApiVersion) is { } there)
        {
            obj["apiVersion"] = there;
        }

        if (obj["metadata"] is not JsonObject metadata)
        {
            return;
        }

        if (metadata.Text("name") == path.Name)
        {
            metadata["name"] = origin.Name;
        }

        metadata.Remove("resourceVersion"); // of this server: it means nothing there
        metadata.Remove("managedFields");
        if (metadata["labels"] is JsonObject labels)
        {
            if (labels.TryGetPropertyValue(ObjectOrigin.ClusterLabel, out var cluster) && cluster?.ToString() != origin.Cluster)
            {
                throw new ApiError(422, "Invalid", $"metadata.labels: \"{ObjectOrigin.ClusterLabel}\" says whose the object is ({origin.Cluster}) and cannot be changed");
            }

            labels.Remove(ObjectOrigin.ClusterLabel);
            labels.Remove("node-name");
        }

        if (metadata["annotations"] is JsonObject annotations)
        {
            foreach (var name in s_ownAnnotations)
            {
                annotations.Remove(name);
            }
        }

        if (obj.At("spec", "selector", "matchLabels") is JsonObject selected)
        {
            selected.Remove(ObjectOrigin.ClusterLabel);
        }
        else if (kind.Kind == "Service" && obj.At("spec", "selector") is JsonObject pods)
        {
            pods.Remove(ObjectOrigin.ClusterLabel);
        }
    }
}

/// <summary>JSON without reflection.</summary>
[System.Text.Json.Serialization.JsonSerializable(typeof(JsonObject))]
internal sealed partial class NodeJson : System.Text.Json.Serialization.JsonSerializerContext;
