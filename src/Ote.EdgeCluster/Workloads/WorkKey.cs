using Ote.Kube.Objects;

namespace Ote.EdgeCluster.Workloads;

/// <summary>
/// What is queued: a kind and an object's key in one text, so that one queue and its few workers serve all controllers of a
/// cluster.
/// </summary>
internal static class WorkKey
{
    /// <summary>Such as <c>pods/default/web-1</c>.</summary>
    public static string Of(ResourceRef kind, string key) => $"{kind.Plural}/{key}";

    /// <summary>Such as <c>scheduling/all</c>; see <see cref="IController.Work"/>.</summary>
    public static string Of(string work, string key) => $"{work}/{key}";

    /// <summary>The plural of the kind, and the object's key.</summary>
    public static (string Plural, string Key) Split(string work)
    {
        var slash = work.IndexOf('/', StringComparison.Ordinal);
        return (work[..slash], work[(slash + 1)..]);
    }

    /// <summary>An object's key as namespace and name; the namespace is empty where there is none.</summary>
    public static (string Namespace, string Name) Parts(string key)
    {
        var slash = key.IndexOf('/', StringComparison.Ordinal);
        return slash < 0 ? ("", key) : (key[..slash], key[(slash + 1)..]);
    }
}
