using System.Text.Json.Nodes;
using Ote.Kube.Objects;
using Ote.Kube.Server.Http;
using Ote.Kube.Server.Patching.Ownership;
using Ote.Kube.Server.Schema;

namespace Ote.Kube.Server.Lifecycle;

/// <summary>What an applied configuration must fulfil before it is merged, in the real server's words. Pure.</summary>
internal static class ApplyRules
{
    /// <summary>Whether a configuration is one of its kind at all.</summary>
    /// <exception cref="ApiError">400 for another version or with managedFields, 500, as the real server answers, for one that does not fit the schema.</exception>
    public static void Check(TypedKind kind, string kindName, string name, JsonObject applied)
    {
        var version = applied.Text("apiVersion") ?? "";
        if (version != kind.ApiVersion)
        {
            throw ApiError.BadRequest($"Incorrect version specified in apply patch. Specified patch version: {version}, expected: {kind.ApiVersion}");
        }

        if (applied.Text("kind") is { Length: > 0 } given && given != kindName)
        {
            throw ApiError.BadRequest($"Incorrect kind specified in apply patch. Specified patch kind: {given}, expected: {kindName}");
        }

        if (applied["metadata"] is JsonObject metadata && metadata["managedFields"] is not null)
        {
            throw ApiError.BadRequest("metadata.managedFields must be nil");
        }

        if (TypedCheck.Fault(kind, applied) is { } fault)
        {
            var full = kind.ApiVersion.Contains('/', StringComparison.Ordinal) ? kind.ApiVersion : "/" + kind.ApiVersion;
            throw new ApiError(500, "", $"failed to create typed patch object ({applied.Namespace()}/{applied.Name()}; {full}, Kind={kindName}): {fault}");
        }

        if (applied.Name() is { Length: > 0 } other && other != name)
        {
            throw ApiError.BadRequest($"the name of the object ({other}) does not match the name on the URL ({name})");
        }
    }

    /// <summary>Whether a configuration may make a new object.</summary>
    /// <exception cref="ApiError">400 without a name, 409 with a uid.</exception>
    public static void CheckNew(KindInfo kind, string name, JsonObject applied)
    {
        if (applied.Uid().Length > 0)
        {
            throw ApiError.Conflict(kind, name, "uid mismatch: the provided object specified uid " + applied.Uid() + ", and no existing object was found");
        }

        if (applied.Name().Length == 0)
        {
            throw ApiError.BadRequest($"the name of the object ({name} based on URL) was undeterminable: name must be provided");
        }
    }

    /// <summary>Whether a configuration is of the object that is there.</summary>
    /// <exception cref="ApiError">422 for the uid of another one.</exception>
    public static void CheckSame(KindInfo kind, JsonObject live, JsonObject applied)
    {
        if (applied.Uid() is { Length: > 0 } uid && uid != live.Uid())
        {
            throw ApiError.Invalid(kind, live.Name(), [("FieldValueInvalid", $"Invalid value: {FieldError.Quote(uid)}: field is immutable", "metadata.uid")]);
        }
    }

    /// <summary>Leaves the resourceVersion in the merged object only where the configuration states one: only then does the applier insist on it.</summary>
    public static void KeepVersion(JsonObject merged, JsonObject applied)
    {
        if (applied.ResourceVersion().Length == 0)
        {
            (merged["metadata"] as JsonObject)?.Remove("resourceVersion");
        }
    }
}
