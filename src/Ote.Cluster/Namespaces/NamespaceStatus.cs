using System.Text.Json.Nodes;
using Ote.Kube.Objects;

namespace Ote.Cluster.Namespaces;

/// <summary>Writes a policy's status. Pure.</summary>
internal static class NamespaceStatus
{
    /// <summary>Of what is lacking, so much is listed.</summary>
    public const int MostListed = 50;

    private const int MostLeftOut = 5;

    /// <summary>How it stands in the clusters that are meant.</summary>
    /// <param name="status">The status object.</param>
    /// <param name="policy">The policy's name.</param>
    /// <param name="clusters">Those that it means, by name; null where a cluster has not been looked at yet.</param>
    /// <param name="meant">How many namespaces are meant.</param>
    /// <param name="leftOut">Of what it names, what is not meant, and why.</param>
    /// <param name="now">The time.</param>
    public static void Write(JsonObject status, string policy, IReadOnlyCollection<KeyValuePair<string, ClusterNamespaces?>> clusters, int meant, IReadOnlyList<string> leftOut, DateTimeOffset now)
    {
        var lacking = clusters.SelectMany(c => c.Value?.LackingOf(policy) ?? [new LackingNamespace(c.Key, "*", "NotLookedAt", "it is looked at soon")])
            .OrderBy(l => l.Cluster, StringComparer.Ordinal).ThenBy(l => l.Namespace, StringComparer.Ordinal).ToArray();
        var complete = clusters.Count - lacking.Select(l => l.Cluster).Distinct(StringComparer.Ordinal).Count();
        status["clusters"] = new JsonObject { ["selected"] = clusters.Count, ["complete"] = complete };
        status["lackingCount"] = lacking.Length;
        status["lacking"] = new JsonArray([.. lacking.Take(MostListed).Select(l => (JsonNode)new JsonObject { ["cluster"] = l.Cluster, ["namespace"] = l.Namespace, ["reason"] = l.Reason, ["message"] = l.Text })]);
        var but = leftOut.Count == 0 ? "" : $". Left out: {string.Join("; ", leftOut.Take(MostLeftOut))}{(leftOut.Count > MostLeftOut ? $"; and {leftOut.Count - MostLeftOut} more" : "")}";
        if (meant > NamespaceLedger.Most)
        {
            Conditions.SetCondition(status, "Ready", false, "TooMany", $"it means {meant} namespaces; the first {NamespaceLedger.Most} by name are carried alone. Make several policies of it", now);
        }
        else if (meant == 0 && lacking.Length == 0)
        {
            Conditions.SetCondition(status, "Ready", true, "NoNamespace", $"there is nothing to do: spec.namespaces and spec.namespaceSelector mean no namespace of this control API{but}", now);
        }
        else if (clusters.Count == 0)
        {
            Conditions.SetCondition(status, "Ready", true, "NoCluster", $"there is nothing to do: spec.clusters means no cluster with a managed cluster behind it{but}", now);
        }
        else if (lacking.Length == 0)
        {
            Conditions.SetCondition(status, "Ready", true, "Complete", $"as it should be in {Plural.Of(clusters.Count, "cluster")}, with {Plural.Of(meant, "namespace")}{but}", now);
        }
        else
        {
            Conditions.SetCondition(status, "Ready", false, "Lacking", $"not as it should be in {Plural.Of(clusters.Count - complete, "cluster")} of {clusters.Count}: {string.Join(", ", lacking.CountBy(l => l.Reason).OrderBy(r => r.Key, StringComparer.Ordinal).Select(r => $"{r.Value} {r.Key}"))}{but}", now);
        }
    }

    /// <summary>It cannot be understood.</summary>
    public static void WriteFault(JsonObject status, string fault, DateTimeOffset now)
    {
        foreach (var field in (ReadOnlySpan<string>)["clusters", "lacking", "lackingCount"])
        {
            status.Remove(field);
        }

        Conditions.SetCondition(status, "Ready", false, "Faulty", $"nothing is done for it, and nothing undone, until this is mended: {fault}", now);
    }
}
