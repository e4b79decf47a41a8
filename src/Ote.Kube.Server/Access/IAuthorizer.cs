namespace Ote.Kube.Server.Access;

/// <summary>What is asked for, in the words of RBAC.</summary>
/// <param name="Verb">get, list, watch, create, update, patch, delete, deletecollection, impersonate; the lower-case method for paths.</param>
/// <param name="Group">API group; empty for core.</param>
/// <param name="Resource">Plural with subresource: <c>pods</c>, <c>pods/status</c>; empty for a path.</param>
/// <param name="Namespace">Null for cluster scope or all namespaces.</param>
/// <param name="Name">Null for collections.</param>
/// <param name="Path">The path when it is no resource; else null.</param>
public sealed record AccessRequest(string Verb, string Group, string Resource, string? Namespace, string? Name, string? Path = null);

/// <summary>Decides who may do what. Pure and thread-safe; called on each request.</summary>
public interface IAuthorizer
{
    /// <summary>Null when allowed, else the reason, which may be empty.</summary>
    string? Refuse(UserInfo user, AccessRequest request);
}

/// <summary>Members of <c>system:masters</c> may do all, everyone may see health and version, nothing else is allowed.</summary>
internal sealed class MastersAuthorizer : IAuthorizer
{
    public string? Refuse(UserInfo user, AccessRequest request) =>
        user.IsMaster || (request.Path is { } path && IsOpen(path)) ? null : "";

    /// <summary>Paths that need no credentials.</summary>
    public static bool IsOpen(string path) =>
        path is "/healthz" or "/readyz" or "/livez" or "/version"
        || path.StartsWith("/healthz/", StringComparison.Ordinal)
        || path.StartsWith("/readyz/", StringComparison.Ordinal)
        || path.StartsWith("/livez/", StringComparison.Ordinal);
}
