using System.Text.Json.Nodes;
using Ote.Kube.Server.Access;

namespace Ote.Kube.Server.Http;

/// <summary>The answer to who may not, as kubectl users know it.</summary>
internal static class AccessRefusal
{
    /// <summary>403 for a resource.</summary>
    /// <param name="user">Who asks.</param>
    /// <param name="verb">In the words of RBAC.</param>
    /// <param name="path">What is asked for.</param>
    /// <param name="resource">Plural with subresource.</param>
    /// <param name="ns">The namespace; null or empty: none.</param>
    /// <param name="reason">What the authorizer says; may be empty.</param>
    public static ApiError Of(UserInfo user, string verb, ResourcePath path, string resource, string? ns, string reason)
    {
        var where = string.IsNullOrEmpty(ns) ? "at the cluster scope" : $"in the namespace \"{ns}\"";
        var plural = path.Group.Length == 0 ? path.Plural : $"{path.Plural}.{path.Group}";
        var what = path.Name is null ? plural : $"{plural} \"{path.Name}\"";
        var details = new JsonObject();
        if (path.Name is not null)
        {
            details["name"] = path.Name;
        }

        if (path.Group.Length > 0)
        {
            details["group"] = path.Group;
        }

        details["kind"] = path.Plural;
        return new ApiError(
            403, "Forbidden",
            $"{what} is forbidden: User \"{user.Name}\" cannot {verb} resource \"{resource}\" in API group \"{path.Group}\" {where}{Because(reason)}", details);
    }

    /// <summary>A reason behind a sentence.</summary>
    public static string Because(string reason) => reason.Length == 0 ? "" : $": {reason}";
}
