using System.Text.Json.Nodes;
using Ote.Kube.Objects;
using Ote.Kube.Server.Patching;
using Ote.Kube.Server.Schema;

namespace Ote.Kube.Server.Http;

/// <summary>A patch that was read.</summary>
/// <param name="Change">From object to object.</param>
/// <param name="SeesManagers">Whether it reads or writes managedFields.</param>
internal readonly record struct Patch(Func<JsonObject, JsonObject> Change, bool SeesManagers);

/// <summary>Makes a function from object to object of a patch's body, by its content type.</summary>
internal static class PatchReader
{
    public const string Apply = "application/apply-patch+yaml";
    public const string Json = "application/json-patch+json";
    public const string Merge = "application/merge-patch+json";
    public const string Strategic = "application/strategic-merge-patch+json";

    /// <summary>
    /// Reads a patch. The function does not change its argument. The result keeps the resourceVersion only where the patch speaks of it:
    /// only then does the client insist on a version.
    /// </summary>
    public static Patch Read(string mediaType, byte[] body, KindInfo kind, int depth)
    {
        switch (mediaType)
        {
            case Json:
                var operations = Body.ParseJson(body, depth) as JsonArray ?? throw ApiError.BadRequest("a JSON patch must be an array of operations");
                var insists = operations.Any(o => o.Text("path")?.StartsWith("/metadata/resourceVersion", StringComparison.Ordinal) == true);
                return new Patch(
                    current => Finish(Run(() => JsonPatch.Apply(current, operations)), insists),
                    operations.Any(o => IsOfManagers(o.Text("path")) || IsOfManagers(o.Text("from"))));
            case Merge:
                var merge = Body.ParseJson(body, depth) as JsonObject ?? throw ApiError.BadRequest("a merge patch must be an object");
                return new Patch(current => Finish(Run(() => MergePatch.Apply(current, merge)), Insists(merge)), IsOfManagers(merge));
            case Strategic when !kind.IsCustom:
                var strategic = Body.ParseJson(body, depth) as JsonObject ?? throw ApiError.BadRequest("a strategic merge patch must be an object");
                return new Patch(current => Finish(Run(() => StrategicMergePatch.Apply(current, strategic, kind)), Insists(strategic)), IsOfManagers(strategic));
            default:
                string[] accepted = kind.IsCustom ? [Json, Merge, Apply] : [Json, Merge, Strategic, Apply];
                throw ApiError.UnsupportedMediaType(accepted);
        }
    }

    /// <summary>The configuration of an apply patch.</summary>
    public static JsonObject ReadApplied(byte[] body, int depth) => (JsonObject)Body.ParseYaml(body, depth);

    /// <summary>Whether a path of a JSON patch leads to managedFields, or to what holds them.</summary>
    private static bool IsOfManagers(string? path) =>
        path is "" or "/metadata" || path?.StartsWith("/metadata/managedFields", StringComparison.Ordinal) == true;

    private static bool IsOfManagers(JsonObject patch) =>
        patch["metadata"] is JsonObject metadata && (metadata.ContainsKey("managedFields") || metadata.ContainsKey("$patch"));

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
