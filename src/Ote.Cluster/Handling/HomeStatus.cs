using System.Text.Json.Nodes;
using Ote.Cluster.Failover;
using Ote.Cluster.Routing;
using Ote.Kube.Objects;

namespace Ote.Cluster.Handling;

/// <summary>What keeps a cluster's home from taking it.</summary>
internal enum HomeState
{
    /// <summary>Nothing that is known.</summary>
    Fit,

    /// <summary>An operator empties it.</summary>
    Drained,

    /// <summary>It hangs below the cluster itself.</summary>
    Below,
}

/// <summary>
/// Condition <c>AtHome</c>: whether a cluster hangs below the parent it was set up with, and when not, whether it returns by itself or what
/// an operator has to take back first. Pure.
/// </summary>
internal static class HomeStatus
{
    /// <summary>Writes it; nothing of a cluster whose home nobody knows.</summary>
    /// <param name="status">The status object.</param>
    /// <param name="entry">What the routes say of the cluster.</param>
    /// <param name="cluster">Its object, with the operator's wishes.</param>
    /// <param name="home">Of its home, as far as is known here.</param>
    /// <param name="now">The time.</param>
    public static void Write(JsonObject status, RouteEntry entry, JsonObject cluster, HomeState home, DateTimeOffset now)
    {
        if (entry.Home.Length == 0)
        {
            return;
        }

        if (entry is { Online: false, Later: { } later })
        {
            Conditions.SetCondition(status, "AtHome", later.Parent == entry.Home ? true : null, later.Parent == entry.Home ? "PreferredParent" : "AttachedElsewhere", $"it has attached to {later.Parent} since", now);
        }
        else if (!entry.Online)
        {
            Conditions.SetCondition(status, "AtHome", null, "NotAttached", $"it is away; it last hung below {entry.Parent}", now);
        }
        else if (entry.Parent == entry.Home)
        {
            Conditions.SetCondition(status, "AtHome", true, "PreferredParent", "it hangs below the parent it was set up with", now);
        }
        else
        {
            var (reason, next) = Away(entry, cluster, home);
            Conditions.SetCondition(status, "AtHome", false, reason, $"it hangs below {entry.Parent} and {next}", now);
        }
    }

    private static (string Reason, string Next) Away(RouteEntry entry, JsonObject cluster, HomeState home)
    {
        var wish = ClusterWishes.PlaceOf(cluster, entry.Name);
        if (wish.PinnedParent.Length > 0 && wish.PinnedParent != entry.Home)
        {
            return ("Pinned", $"an operator pinned it below {wish.PinnedParent}; otectl unpin {entry.Name} lets it return to {entry.Home}");
        }

        if (wish.ForbiddenParents.Contains(entry.Home))
        {
            return ("HomeForbidden", $"an operator does not let it hang below {entry.Home}; otectl allow {entry.Name} {entry.Home} lets it return");
        }

        if (home == HomeState.Below)
        {
            return ("HomeBelow", $"{entry.Home} hangs below it by now; it returns when that hangs elsewhere and has been well for a while");
        }

        if (home == HomeState.Drained)
        {
            return ("HomeDrained", $"{entry.Home} is drained; it returns after otectl undrain {entry.Home}, when that has been well for a while");
        }

        // A wish that another control API wrote is known here by its digest alone.
        return entry.Placement != 0 && PlacementDigest.Of(wish) == 0 && !ClusterStatus.RemembersPlacement(cluster)
            ? ("WishedElsewhere", $"goes by a wish of another control API; it returns to {entry.Home} if that lets it, when {entry.Home} has been well for a while")
            : ("OtherParent", $"returns to {entry.Home} when that has been well for a while");
    }
}
