using System.Text.Json.Nodes;
using Google.Protobuf;
using Ote.Cluster.Budgets;
using Ote.Cluster.Failover;
using Ote.Cluster.Identity;
using Ote.Cluster.Lateral;
using Ote.Cluster.Routing;
using Ote.Kube.Objects;
using Ote.Protocol.Tunnel;
using RouteEntry = Ote.Cluster.Routing.RouteEntry;

namespace Ote.Cluster.Handling;

/// <summary>
/// Writes a <c>Cluster</c>'s status. <c>listen</c>, <c>parentName</c>, <c>status</c> and <c>timestamp</c> are the names of the original
/// product; the rest is ours. Pure.
/// </summary>
internal static class ClusterStatus
{
    private const string LocalClusterReachable = "LocalClusterReachable";
    private const string Reporting = "Reporting";
    private const string PlacementInForce = "PlacementInForce";
    private const string Elsewhere = "WishedElsewhere";
    private const string Astray = "NotBelowPinned";
    private const long LastSecond = 253_402_300_799; // of the year 9999

    /// <summary>Of a cluster in the route table.</summary>
    /// <param name="status">The status object.</param>
    /// <param name="entry">What the routes say of it.</param>
    /// <param name="path">From the root down to it.</param>
    /// <param name="lostAncestor">The nearest cluster above it that is away, which takes its freshness with it; null when there is none.</param>
    /// <param name="moved">It, or the cluster above it with which it went, hangs elsewhere by now, where nothing is known here of; null: not that anybody told.</param>
    /// <param name="accepted">Whether it may take part.</param>
    /// <param name="now">The time.</param>
    public static void Write(JsonObject status, RouteEntry entry, IReadOnlyList<string> path, string? lostAncestor, RouteEntry? moved, bool accepted, DateTimeOffset now)
    {
        status["listen"] = entry.Address;
        if (status.Text("parentName") != entry.Parent || status["parentSince"] is null)
        {
            status["parentSince"] = now.ToKubeTime();
        }

        status["parentName"] = entry.Parent;
        status["preferredParent"] = entry.Home;
        status["status"] = entry.Online ? "online" : lostAncestor is null && moved is null ? "offline" : "unknown";
        status["timestamp"] = entry.Since / 1000;
        status["uid"] = entry.Uid;
        status["epoch"] = (long)entry.Epoch;
        status["version"] = entry.Version;
        status["managed"] = entry.Managed;
        status["trust"] = (long)entry.Trust;
        status["authority"] = entry.Authority == 0 ? "" : entry.Authority.ToString("x16", System.Globalization.CultureInfo.InvariantCulture);
        WriteLink(status, entry.Link, now);
        WriteLateral(status, entry.LateralLinks);
        status["tags"] = new JsonArray([.. entry.Tags.Select(t => (JsonNode)t)]);
        status["path"] = new JsonArray([.. path.Select(p => (JsonNode)p)]);
        WriteMoved(status, entry, moved, now);
        if (!entry.Online && moved is not null)
        {
            // Told by the condition that was just written.
        }
        else if (entry.Online || lostAncestor is null)
        {
            Conditions.SetCondition(
                status,
                "Ready",
                entry.Online,
                entry.Online ? "Attached" : "NotAttached",
                entry.Online ? "every link from here to the cluster is up" : "its link is down; what is shown is what was last known",
                now);
        }
        else
        {
            Conditions.SetCondition(
                status, "Ready", null, "AncestorLost", $"{lostAncestor}, through which it was reached, is away; what is shown is what was last known", now);
        }

        WriteLocal(status, entry, now);
        WriteFigures(status, entry.Managed ? entry.Local : null);
        WriteReporting(status, entry, now);
        if (entry.Issuer.Length > 0)
        {
            Conditions.SetCondition(
                status, "Provisional", true, "NotAdmittedYet",
                $"{entry.Issuer} let it in while the root did not; it is known below {entry.Issuer} only, until the root admits it or says no", now);
        }
        else
        {
            Forget(status, "Provisional");
        }

        Conditions.SetCondition(status, "Accepted", accepted, accepted ? "Accepted" : "Revoked", accepted ? "may take part in the tree" : $"shut out until otectl accept {entry.Name}", now);
    }

    private static void WriteMoved(JsonObject status, RouteEntry entry, RouteEntry? moved, DateTimeOffset now)
    {
        if (entry.Online || moved is not { Later: { } later })
        {
            status.Remove("movedTo");
            return;
        }

        var own = moved.Name == entry.Name;
        if (own)
        {
            status["movedTo"] = later.Parent;
        }
        else
        {
            status.Remove("movedTo"); // what hangs below it may have gone somewhere else again
        }

        Conditions.SetCondition(
            status, "Ready", null, "AttachedElsewhere",
            $"{(own ? "it" : $"{moved.Name}, below which it hung,")} has attached to {later.Parent} since, where this control API does not reach; what is shown is what was last known here, and the root's API knows more", now);
    }

    /// <summary>Whether the managed cluster behind a controller answers, as it told last; nothing when it has none or never said.</summary>
    public static void WriteLocal(JsonObject status, RouteEntry entry, DateTimeOffset now)
    {
        if (entry is not { Managed: true, Local: { } local })
        {
            Forget(status, LocalClusterReachable);
        }
        else if (!entry.Online)
        {
            Conditions.SetCondition(
                status, LocalClusterReachable, null, "NotAttached", $"its controller is away; the last word was that {(local.IsReachable ? "the local cluster answers" : local.Text)}", now);
        }
        else
        {
            Conditions.SetCondition(
                status, LocalClusterReachable, local.IsReachable, local.IsReachable ? "Answering" : "NotAnswering", local.IsReachable ? "the local cluster and its shim answer" : local.Text, local.SinceBy(now));
        }
    }

    /// <summary>What a managed cluster has, as it told last; nothing when it never said.</summary>
    public static void WriteFigures(JsonObject status, LocalReport? local)
    {
        if (local is { Version.Length: > 0 })
        {
            status["kubernetesVersion"] = local.Version;
        }
        else
        {
            status.Remove("kubernetesVersion");
        }

        if (local?.Figures is { } figures)
        {
            SubtreeSum.Of(figures).Write(status);
        }
        else
        {
            foreach (var field in (ReadOnlySpan<string>)["nodes", "pods", "capacity", "allocatable", "requested", "used"])
            {
                status.Remove(field);
            }
        }
    }

    /// <summary>Whether a cluster's shim reports what is in it, and how long changes take; nothing when it manages none or never said.</summary>
    public static void WriteReporting(JsonObject status, RouteEntry entry, DateTimeOffset now)
    {
        if (entry is not { Managed: true, Local.Reports: { } reports })
        {
            Forget(status, Reporting);
        }
        else
        {
            Conditions.SetCondition(
                status, Reporting, reports, !reports ? "Silent" : entry.Local.ReportsLack.Length > 0 ? "KindsAwaited" : "Told",
                reports ? "its shim reports what is in the cluster" + (entry.Local.ReportsLack.Length > 0 ? $", and waits for what it is to report (--report) and is not there: {entry.Local.ReportsLack}" : "")
                    : "its shim does not report: nothing of what is in the cluster is shown by the fleet API, no command is observed there, and no namespace policy is carried out. Start it with `ote shim k8s --reports DIRECTORY`, or its controller with --managed-kubeconfig", now);
        }

        // Of one that is away, or whose managed cluster does not answer, what is shown grows older, and by how much nobody here knows.
        if (entry is { Managed: true, Online: true, Local: { IsReachable: true, Lag: { } lag } })
        {
            status["reportLag"] = DurationText.Of(lag);
        }
        else
        {
            status.Remove("reportLag");
        }
    }

    /// <summary>What a cluster and all below it have together; nothing where there is none below it.</summary>
    public static void WriteSubtree(JsonObject status, SubtreeSum? sum)
    {
        if (sum is null)
        {
            status.Remove("subtree");
            return;
        }

        var shown = new JsonObject { ["clusters"] = new JsonObject { ["total"] = sum.Clusters, ["online"] = sum.Online } };
        sum.Write(shown);
        status["subtree"] = shown;
    }

    /// <summary>What a cluster's link to its parent costs, as it told last, and whether its daily cap is reached; nothing when it never said.</summary>
    public static void WriteLink(JsonObject status, LinkReport? link, DateTimeOffset now)
    {
        if (link is null)
        {
            status.Remove("link");
        }
        else
        {
            var shown = new JsonObject { ["bytesToday"] = link.BytesToday, ["savedToday"] = link.SavedToday };
            if (link.RoundTripMilliseconds >= 0)
            {
                shown["roundTripMilliseconds"] = link.RoundTripMilliseconds;
            }

            if (link.DailyBytes > 0)
            {
                shown["dailyBytes"] = link.DailyBytes;
            }

            shown["asOf"] = DateTimeOffset.FromUnixTimeSeconds(Math.Min(link.AsOf, LastSecond)).ToKubeTime();
            status["link"] = shown;
        }

        if (link is { DailyBytes: > 0 })
        {
            Conditions.SetCondition(
                status,
                "WithinLinkBudget",
                !link.IsSpent,
                link.IsSpent ? "DailyBytesSpent" : "BytesLeft",
                link.IsSpent
                    ? $"its link has carried the {link.DailyBytes} bytes of this day: only control messages and commands pass until midnight at the site, the rest waits"
                    : "its link may carry more on this day",
                now);
        }
        else
        {
            Forget(status, "WithinLinkBudget");
        }
    }

    /// <summary>How a cluster's lateral links are, as it told last; nothing when it has none.</summary>
    public static void WriteLateral(JsonObject status, ByteString told)
    {
        status.Remove("lateral");
        if (told.IsEmpty || Read(told) is not { Links.Count: > 0 } reports)
        {
            return;
        }

        status["lateral"] = new JsonArray([.. reports.Links.Take(LateralSet.MostPeers).Where(l => ClusterName.Check(l.Peer) is null).Select(l =>
        {
            var link = new JsonObject { ["peer"] = l.Peer, ["up"] = l.Up, ["bytes"] = (long)Math.Min(l.Bytes, long.MaxValue) };
            if (l.RoundTripMilliseconds > 0)
            {
                link["roundTripMilliseconds"] = (long)l.RoundTripMilliseconds - 1;
            }

            if (l.Text.Length > 0)
            {
                link["message"] = l.Text;
            }

            link["asOf"] = DateTimeOffset.FromUnixTimeSeconds((long)Math.Min(l.AsOfUnixSeconds, LastSecond)).ToKubeTime();
            return (JsonNode)link;
        })]);
    }

    private static LateralReports? Read(ByteString told)
    {
        try
        {
            return LateralReports.Parser.ParseFrom(told);
        }
        catch (InvalidProtocolBufferException)
        {
            return null; // whoever told it has its own reasons; it is for people
        }
    }

    /// <summary>The newest certificate and whether it is in its time; nothing when none is known.</summary>
    /// <returns>Whether it should have been renewed, and when that changes if nothing is issued meanwhile; null for never.</returns>
    /// <param name="status">The status object.</param>
    /// <param name="certificate">The newest certificate; null: none is known.</param>
    /// <param name="grace">How long after its end it may still be renewed; null: only the root knows.</param>
    /// <param name="now">The time.</param>
    public static (bool IsLate, DateTimeOffset? Changes) WriteCertificate(JsonObject status, CertificateRecord? certificate, TimeSpan? grace, DateTimeOffset now)
    {
        if (certificate is not var (begin, end, _))
        {
            return (false, null);
        }

        var overdue = RenewalSchedule.Latest(begin, end) + RenewalSchedule.RetryCeiling(begin, end);
        status["certificate"] = new JsonObject { ["notBefore"] = begin.ToKubeTime(), ["notAfter"] = end.ToKubeTime() };
        var last = end + grace;
        var (reason, message) = now > last ? ("Expired", $"ended at {end.ToKubeTime()}, and the root's --renewal-grace at {last.Value.ToKubeTime()}: it cannot be renewed any more. Remove identity/cluster.pem in the cluster's data directory and start its controller with a new token (otectl join-token create); name and uid stay")
            : now >= end ? ("Expired", $"ended at {end.ToKubeTime()}: the cluster renews it within the root's --renewal-grace, or joins again")
            : now >= overdue ? ("RenewalOverdue", $"ends at {end.ToKubeTime()} and should have been renewed: see the cluster's log")
            : ("Valid", $"ends at {end.ToKubeTime()}");
        Conditions.SetCondition(status, "CertificateValid", now < end, reason, message, now);
        return (now >= overdue, now < overdue ? overdue : now < end ? end : now <= last ? last.Value + TimeSpan.FromSeconds(1) : null);
    }

    /// <summary>How far the draining of a cluster is.</summary>
    /// <param name="status">The status object.</param>
    /// <param name="children">Who hangs or hung below it; null when nobody wants it drained.</param>
    /// <param name="now">The time.</param>
    public static void WriteDrain(JsonObject status, ChildrenOf? children, DateTimeOffset now)
    {
        if (children is null)
        {
            Forget(status, "Drained");
            return;
        }

        var (isDrained, reason, message) = children.Value switch
        {
            { Attached: > 0 and var left } => (false, "ChildrenLeft", $"{Children(left)} not left yet"),
            { Moving: > 0 and var moving } => (false, "ChildrenMoving", $"{Children(moving)} left and {(moving == 1 ? "is" : "are")} not attached elsewhere yet"),
            { Away: > 0 and var away } => (true, "NoChildren", $"no child hangs below it; {Plural.Of(away, "cluster")} that did {(away == 1 ? "is" : "are")} away"),
            _ => (true, "NoChildren", "all its children hang elsewhere"),
        };
        Conditions.SetCondition(status, "Drained", isDrained, reason, message, now);
    }

    private static string Children(int count) => Plural.Of(count, "child", "children") + (count == 1 ? " has" : " have");

    /// <summary>
    /// Whether what operators wish about a cluster's place is in force. The condition stays until a wish that was taken back is out of
    /// force as well: so a controller knows after a restart that it has something to take back.
    /// </summary>
    /// <param name="status">The status object.</param>
    /// <param name="wish">What the object wishes.</param>
    /// <param name="entry">What the routes say of the cluster.</param>
    /// <param name="takenBack">Whether nothing is in force because that was sent; see <see cref="ClusterWishes.IsPlaceTakenBack"/>.</param>
    /// <param name="now">The time.</param>
    public static void WritePlacement(JsonObject status, SetPlacement wish, RouteEntry entry, bool takenBack, DateTimeOffset now)
    {
        var (wished, inForce) = (PlacementDigest.Of(wish), entry.Placement);
        var shown = Find(status, PlacementInForce);
        if (wished != 0 && wished != inForce)
        {
            Conditions.SetCondition(status, PlacementInForce, false, "NotTold", "the cluster has not told yet that it goes by its spec; the wish is sent again until it does", now);
        }
        else if (wished != 0 && entry.Online && wish.PinnedParent.Length > 0 && wish.PinnedParent != entry.Parent)
        {
            Conditions.SetCondition(
                status, PlacementInForce, false, Astray,
                $"the cluster knows of the pin and hangs below {entry.Parent}: it moves to {wish.PinnedParent} at once if it knows the way there. A cluster knows the parents near its own (its parent's parent and siblings, its own siblings): pin it below one of them first, or set it up with {wish.PinnedParent} as its parent",
                now);
        }
        else if (wished != 0)
        {
            Conditions.SetCondition(status, PlacementInForce, true, "Told", "the cluster goes by the pin, the forbidden parents and the draining of its spec", now);
        }
        else if (shown is not null && shown.Text("reason") != Elsewhere && !takenBack)
        {
            Conditions.SetCondition(status, PlacementInForce, false, "TakingBack", "the spec wishes nothing about its place any more; that is sent until the cluster tells that it goes by it", now);
        }
        else if (inForce == 0)
        {
            Forget(status, PlacementInForce);
        }
        else
        {
            Conditions.SetCondition(
                status, PlacementInForce, true, Elsewhere, "the cluster goes by a pin, forbidden parents or a draining that another control API wished, or this one in a past it does not know; otectl pin and unpin take it back", now);
        }
    }

    /// <summary>Whether a wish about the cluster's place was sent and is not taken back.</summary>
    public static bool RemembersPlacement(JsonObject cluster) => cluster.Condition(PlacementInForce) is { } condition && condition.Text("reason") != Elsewhere;

    /// <summary>Nobody below tells of a cluster that was known: a branch is on its way to another place, or it has left.</summary>
    public static void WriteWithoutRoute(JsonObject status, DateTimeOffset now)
    {
        status["status"] = "unknown";
        Conditions.SetCondition(status, "Ready", false, "NoRoute", "no cluster tells of it at present", now);
    }

    /// <summary>Of a cluster that has an object but never attached, or that waits for approval.</summary>
    public static void WriteUnattached(JsonObject status, JsonObject cluster, DateTimeOffset now)
    {
        var accepted = cluster.Truth("spec", "accepted") == true;
        var refused = Revoker.IsShutOut(cluster) ? "Revoked" : "Pending";
        status["status"] = "offline";
        Conditions.SetCondition(status, "Ready", false, "NeverAttached", accepted ? "it may join, and has not attached yet" : "it waits for approval", now);
        Conditions.SetCondition(status, "Accepted", accepted, accepted ? "Accepted" : refused, accepted ? "may take part in the tree" : $"waiting for otectl accept {cluster.Name()}", now);
    }

    /// <summary>Takes a condition out.</summary>
    public static void Forget(JsonObject status, string condition)
    {
        if (Find(status, condition) is { } stale)
        {
            ((JsonArray)status["conditions"]!).Remove(stale);
        }
    }

    private static JsonObject? Find(JsonObject status, string condition) =>
        (status["conditions"] as JsonArray)?.OfType<JsonObject>().FirstOrDefault(c => c.Text("type") == condition);
}
