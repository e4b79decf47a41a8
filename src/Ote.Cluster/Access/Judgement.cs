using Ote.Cluster.Routing;
using Ote.Protocol.Tunnel;
using RouteEntry = Ote.Cluster.Routing.RouteEntry;

namespace Ote.Cluster.Access;

/// <summary>What policies say about one command and the clusters it is for.</summary>
/// <param name="Refused">Who must not run it.</param>
/// <param name="Text">Why not; empty when nobody is refused.</param>
/// <param name="IsBound">
/// It is allowed for these clusters one by one, so it goes to them by name: a selector might come to mean others on the way.
/// </param>
internal sealed record AccessVerdict(IReadOnlySet<string> Refused, string Text, bool IsBound)
{
    /// <summary>Nothing stands against it anywhere.</summary>
    public static readonly AccessVerdict Everything = new(new HashSet<string>(), "", IsBound: false);
}

/// <summary>Holds a command against policies. Pure.</summary>
internal static class Judgement
{
    /// <summary>Decides for each cluster: every place that has policies must allow it.</summary>
    /// <param name="command">The command.</param>
    /// <param name="sets">The policies of each place.</param>
    /// <param name="clusters">Whom it is for.</param>
    /// <param name="isBelow">Whether a cluster is another or in that one's subtree.</param>
    public static AccessVerdict Of(Command command, IReadOnlyList<PolicySet> sets, IReadOnlyList<RouteEntry> clusters, Func<string, string, bool> isBelow)
    {
        var ask = CommandAsk.Of(command);
        var refused = new HashSet<string>(StringComparer.Ordinal);
        var bound = false;
        var text = "";
        foreach (var set in sets.Where(s => !s.IsOpen))
        {
            var granting = set.Granting(ask);
            if (granting.Any(p => p.IsEverywhere))
            {
                continue;
            }

            bound = true;
            var before = refused.Count;
            refused.UnionWith(clusters.Where(c => !granting.Any(p => p.Covers(c, isBelow))).Select(c => c.Name));
            text = text.Length == 0 && refused.Count > before ? set.Why(ask, command.Requester?.User ?? "") : text;
        }

        return new AccessVerdict(refused, text, bound);
    }

    /// <summary>Whether a cluster is another or in that one's subtree, by what one controller knows.</summary>
    /// <param name="table">The controller's routes.</param>
    /// <param name="path">From the root down to that controller.</param>
    public static Func<string, string, bool> Below(RouteTable table, IReadOnlyList<string> path)
    {
        var subtrees = new Dictionary<string, HashSet<string>>(StringComparer.Ordinal);
        return (cluster, top) =>
        {
            if (top == cluster || top == table.Self.Name || path.Contains(top))
            {
                return true;
            }

            if (!subtrees.TryGetValue(top, out var below))
            {
                subtrees[top] = below = new HashSet<string>(table.Subtree(top), StringComparer.Ordinal);
            }

            return below.Contains(cluster);
        };
    }
}
