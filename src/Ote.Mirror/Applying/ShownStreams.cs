namespace Ote.Mirror.Applying;

/// <summary>Which kinds that clusters report may be shown: all but those of which the controller that shows them has its own, or which it does not hand out. Pure.</summary>
public static class ShownStreams
{
    /// <summary>No more kinds than so many are shown beside those that are always shown; the first by group and plural.</summary>
    public const int Most = 500;

    private const string OwnGroup = "ote.baidu.com";

    // Who may do what, and what there is to do it with, is said here; clusters below have no say in it.
    private static readonly HashSet<string> s_ownGroups = ["apiextensions.k8s.io", "apiregistration.k8s.io", "authentication.k8s.io", "authorization.k8s.io", "coordination.k8s.io", "rbac.authorization.k8s.io"];
    private static readonly HashSet<string> s_ownOfCore = ["bindings", "componentstatuses", "configmaps", "limitranges", "namespaces", "resourcequotas", "secrets", "serviceaccounts"];

    /// <summary>Whether the objects of a kind may be shown.</summary>
    /// <param name="group">API group; empty for core.</param>
    /// <param name="plural">Plural, lower case.</param>
    public static bool MayBeShown(string group, string plural) =>
        !s_ownGroups.Contains(group) && group != OwnGroup && !group.EndsWith("." + OwnGroup, StringComparison.Ordinal)
        && !(group.Length == 0 && s_ownOfCore.Contains(plural)) && (group, plural) != ("events.k8s.io", "events"); // those are the core's, once more
}
