namespace Ote.Kube.Objects;

/// <summary>Names one kind of object on an API server.</summary>
/// <param name="Group">API group; empty for the core group.</param>
/// <param name="Version">Version within the group, such as <c>v1</c>.</param>
/// <param name="Plural">Lower-case plural as it stands in URLs.</param>
/// <param name="Kind">The kind as it stands in objects.</param>
/// <param name="Namespaced">Whether objects live in namespaces.</param>
public sealed record ResourceRef(string Group, string Version, string Plural, string Kind, bool Namespaced)
{
    /// <summary><c>v1</c> or <c>group/v1</c>, as it stands in an object's <c>apiVersion</c>.</summary>
    public string ApiVersion => Group.Length == 0 ? Version : $"{Group}/{Version}";

    /// <summary>
    /// The URL path, relative to the server, of the collection or of one object, without a leading slash so that a
    /// server address that carries a path is kept.
    /// </summary>
    /// <param name="ns">Namespace; null for all namespaces or for cluster-scoped kinds.</param>
    /// <param name="name">Object name; null for the collection.</param>
    /// <param name="subresource">Such as <c>status</c>; null for the object itself.</param>
    public string Path(string? ns = null, string? name = null, string? subresource = null)
    {
        var root = Group.Length == 0 ? $"api/{Version}" : $"apis/{Group}/{Version}";
        if (Namespaced && !string.IsNullOrEmpty(ns))
        {
            root += $"/namespaces/{Uri.EscapeDataString(ns)}";
        }

        root += $"/{Plural}";
        if (name is not null)
        {
            root += $"/{Uri.EscapeDataString(name)}";
        }

        return subresource is null ? root : $"{root}/{subresource}";
    }
}
