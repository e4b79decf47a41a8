using System.Text.Json.Nodes;
using Ote.Kube.Objects;
using Ote.Kube.Server.Http;
using Ote.Kube.Server.Schema;

namespace Ote.Kube.Server.Lifecycle;

/// <summary>What a deletion insists on; null insists on nothing.</summary>
internal readonly record struct DeletePreconditions(string? Uid, string? ResourceVersion)
{
    private static readonly HashSet<string> Undeletable = ["default", "kube-system", "kube-public"];

    /// <summary>Checks an object about to be deleted.</summary>
    /// <exception cref="ApiError">409, or 403 for a namespace the server cannot be without.</exception>
    public void Check(KindInfo kind, JsonObject obj)
    {
        if (Uid is { } uid && uid != obj.Uid())
        {
            throw Differs(kind, obj, $"the UID in the precondition ({uid}) does not match the UID in record ({obj.Uid()}). The object might have been deleted and then recreated");
        }

        if (ResourceVersion is { } version && version != obj.ResourceVersion())
        {
            throw Differs(
                kind, obj, $"the ResourceVersion in the precondition ({version}) does not match the ResourceVersion in record ({obj.ResourceVersion()}). The object might have been modified");
        }

        if (kind.Group.Length == 0 && kind.Plural == "namespaces" && Undeletable.Contains(obj.Name()))
        {
            throw ApiError.Forbidden(kind, obj.Name(), "this namespace may not be deleted");
        }
    }

    /// <summary>The real server names the kind here, not the resource.</summary>
    private static ApiError Differs(KindInfo kind, JsonObject obj, string message) => new(
        409, "Conflict", $"Operation cannot be fulfilled on {kind.GroupKind} \"{obj.Name()}\": {message}",
        new JsonObject { ["name"] = obj.Name(), ["group"] = kind.Group, ["kind"] = kind.Kind });
}
