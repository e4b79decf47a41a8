using System.Text.Json.Nodes;
using Ote.Cluster.Identity;
using Ote.Cluster.Routing;
using Ote.Kube.Objects;

namespace Ote.Cluster.Handling;

/// <summary>
/// Writes a <c>Cluster</c>'s status. <c>listen</c>, <c>parentName</c>, <c>status</c> and <c>timestamp</c> are the names of the original
/// product; the rest is ours. Pure.
/// </summary>
internal static class ClusterStatus
{
    /// <summary>Of a cluster in the route table.</summary>
    public static void Write(JsonObject status, RouteEntry entry, IReadOnlyList<string> path, bool accepted, DateTimeOffset now)
    {
        status["listen"] = entry.Address;
        status["parentName"] = entry.Parent;
        status["status"] = entry.Online ? "online" : "offline";
        status["timestamp"] = entry.Since / 1000;
        status["uid"] = entry.Uid;
        status["epoch"] = (long)entry.Epoch;
        status["version"] = entry.Version;
        status["managed"] = entry.Managed;
        status["tags"] = new JsonArray([.. entry.Tags.Select(t => (JsonNode)t)]);
        status["path"] = new JsonArray([.. path.Select(p => (JsonNode)p)]);
        Conditions.SetCondition(
            status,
            "Ready",
            entry.Online,
            entry.Online ? "Attached" : "NotAttached",
            entry.Online ? "every link from here to the cluster is up" : "a link on the way to the cluster is down; what is shown is what was last known",
            now);
        Conditions.SetCondition(status, "Accepted", accepted, accepted ? "Accepted" : "Revoked", accepted ? "may take part in the tree" : $"shut out until otectl accept {entry.Name}", now);
    }

    /// <summary>The newest certificate and whether it is in its time; nothing when none is known.</summary>
    /// <returns>Whether it should have been renewed, and when that changes if nothing is issued meanwhile; null for never.</returns>
    public static (bool IsLate, DateTimeOffset? Changes) WriteCertificate(JsonObject status, CertificateRecord? certificate, DateTimeOffset now)
    {
        if (certificate is not var (begin, end, _))
        {
            return (false, null);
        }

        var overdue = RenewalSchedule.Latest(begin, end) + RenewalSchedule.RetryCeiling(begin, end);
        status["certificate"] = new JsonObject { ["notBefore"] = begin.ToKubeTime(), ["notAfter"] = end.ToKubeTime() };
        var (reason, message) = now >= end ? ("Expired", $"ended at {end.ToKubeTime()}: the cluster renews it within the root's --renewal-grace, or joins again")
            : now >= overdue ? ("RenewalOverdue", $"ends at {end.ToKubeTime()} and should have been renewed: see the cluster's log")
            : ("Valid", $"ends at {end.ToKubeTime()}");
        Conditions.SetCondition(status, "CertificateValid", now < end, reason, message, now);
        return (now >= overdue, now < overdue ? overdue : now < end ? end : null);
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
}
