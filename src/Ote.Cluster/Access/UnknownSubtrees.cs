using Ote.Cluster.Handling;
using Ote.Cluster.Routing;

namespace Ote.Cluster.Access;

/// <summary>
/// Says of policies that a subtree they name has no head that is known here: a policy that is about nobody looks in force, and one letter may be
/// wrong. Thread-safe.
/// </summary>
/// <param name="routes">Who is where.</param>
/// <param name="path">From the root down to this controller.</param>
internal sealed class UnknownSubtrees(RouteKeeper routes, Func<IReadOnlyList<string>> path)
{
    /// <summary>For people; null when all are known.</summary>
    public string? Remark(params IEnumerable<string?> subtrees)
    {
        var above = path();
        var unknown = routes.Read(t => subtrees.OfType<string>().Where(name => t.Find(name) is null && !above.Contains(name)).Distinct(StringComparer.Ordinal).ToArray());
        return unknown.Length == 0
            ? null
            : $"no cluster called {string.Join(" or ", unknown.Select(name => $"'{name}'"))} is known at {routes.Self.Name}, so none counts as below it; correct the subtree if it is mistyped";
    }

    /// <summary>Whether a change of the routes may change a remark: a name came or went.</summary>
    public static bool IsAbout(IReadOnlyList<RouteChange> changes) => changes.Any(change => change.Before is null || change.After is null);
}
