using System.Text.Json.Nodes;
using Ote.Kube.Objects;
using Ote.Kube.Server.Patching;
using Ote.Kube.Server.Schema;

namespace Ote.Kube.Server.Http;

/// <summary>Makes a function from object to object of a patch's body, by its content type.</summary>
internal static class PatchReader
{
    public const string Apply = "application/apply-patch+yaml";
    private const string Json = "application/json-patch+json";
    private const string Merge = "application/merge-patch+json";
    private const string Strategic = "application/strategic-merge-patch+json";

    /// <summary>
    /// Reads a patch. The function does not change its argument. The result keeps the resourceVersion only where the patch speaks of it:
    /// only then does the client insist on a version.
    /// </summary>
    public static Func<JsonObject, JsonObject> Read(string mediaType, byte[] body, KindInfo kind, int depth)
    {
        switch (mediaType)
        {
            case Json:
                var operations = Body.ParseJson(body, depth) as JsonArray ?? throw ApiError.BadRequest("a JSON patch must be an array of operations");
                var insists = operations.Any(o => o.Text("path")?.StartsWith("/metadata/resourceVersion", StringComparison.Ordinal) == true);
                return current => Finish(Run(() => JsonPatch.Apply(current, operations)), insists);
            case Merge:
                var merge = Body.ParseJson(body, depth) as JsonObject ?? throw ApiError.BadRequest("a merge patch must be an object");
                return current => Finish(Run(() => MergePatch.Apply(current, merge)), Insists(merge));
            case Strategic when !kind.IsCustom:
                var strategic = Body.ParseJson(body, depth) as JsonObject ?? throw ApiError.BadRequest("a strategic merge patch must be an object");
                return current => Finish(Run(() => StrategicMergePatch.Apply(current, strategic, kind)), Insists(strategic));
            case Apply:
                var applied = ParseApplied(body);
                return current => Finish(Run(() => ApplyPatch.Apply(current, applied, kind)), Insists(applied));
            default:
                string[] accepted = kind.IsCustom ? [Json, Merge, Apply] : [Json, Merge, Strategic, Apply];
                throw ApiError.UnsupportedMediaType(accepted);
        }
    }

    /// <summary>The configuration of an apply patch.</summary>
    public static JsonObject ParseApplied(byte[] body)
    {
        var applied = (JsonObject)Body.ParseYaml(body);
        return applied["metadata"]?["managedFields"] is JsonArray { Count: > 0 }
            ? throw ApiError.BadRequest("metadata.managedFields must be nil")
            : applied;
    }

    private static bool Insists(JsonObject patch) => patch.Text("metadata", "resourceVersion") is { Length: > 0 };

    private static JsonNode? Run(Func<JsonNode?> patch)
    {
        try
        {
            return patch();
        }
        catch (PatchException bad)
        {
            throw new ApiError(
                bad.StatusCode,
                bad.StatusCode switch { 400 => "BadRequest", 413 => "RequestEntityTooLarge", _ => "Invalid" },
                bad.StatusCode == 422 ? $"the server rejected our request due to an error in our request: {bad.Message}" : bad.Message,
                new JsonObject());
        }
    }

    private static JsonObject Finish(JsonNode? result, bool insists)
    {
        var obj = result as JsonObject ?? throw new ApiError(422, "Invalid", "the patch leaves no object", new JsonObject());
        if (!insists)
        {
            (obj["metadata"] as JsonObject)?.Remove("resourceVersion");
        }

        return obj;
    }
}
