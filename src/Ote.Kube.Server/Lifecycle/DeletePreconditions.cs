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
            throw ApiError.Conflict(kind, obj.Name(), $"Precondition failed: UID in precondition: {uid}, UID in object meta: {obj.Uid()}");
        }

        if (ResourceVersion is { } version && version != obj.ResourceVersion())
        {
            throw ApiError.Conflict(
                kind, obj.Name(), $"Precondition failed: ResourceVersion in precondition: {version}, ResourceVersion in object meta: {obj.ResourceVersion()}");
        }

        if (kind.Group.Length == 0 && kind.Plural == "namespaces" && Undeletable.Contains(obj.Name()))
        {
            throw ApiError.Forbidden(kind, obj.Name(), "this namespace may not be deleted");
        }
    }
}
