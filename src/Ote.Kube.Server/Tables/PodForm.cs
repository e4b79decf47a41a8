using System.Globalization;
using System.Text.Json.Nodes;
using Ote.Kube.Server.Schema;

namespace Ote.Kube.Server.Tables;

/// <summary>Pods: what STATUS, READY and RESTARTS say follows from phase, conditions and the states of the containers.</summary>
internal static class PodForm
{
    public static TableForm Form { get; } = new(
    [
        TableColumn.ObjectName, new("Ready"), new("Status"), new("Restarts"), TableColumn.Age, TableColumn.Wide("IP"), TableColumn.Wide("Node"),
        TableColumn.Wide("Nominated Node"), TableColumn.Wide("Readiness Gates"),
    ], Row)
    {
        Conditions = Completed,
    };

    private static JsonNode?[] Row(JsonObject pod, DateTimeOffset now)
    {
        PodSummary summary = PodSummary.Of(pod);
        string restarts = summary.Restarts.ToString(CultureInfo.InvariantCulture);
        if (summary.Restarts > 0 && summary.LastRestart is { } last)
            restarts += $" ({HumanAge.Of(now - last)} ago)";
        string ip = pod.ObjectsAt("status", "podIPs").FirstOrDefault().TextAt("ip") ?? pod.TextAt("status", "podIP") ?? "";
        return
        [
            Cells.Name(pod), $"{summary.Ready}/{summary.Total}", summary.Status, restarts, Cells.Age(pod, now), Cells.OrNone(ip),
            Cells.OrNone(pod.TextAt("spec", "nodeName")), Cells.OrNone(pod.TextAt("status", "nominatedNodeName")), Gates(pod),
        ];
    }

    private static string Gates(JsonObject pod)
    {
        List<JsonObject> gates = [.. pod.ObjectsAt("spec", "readinessGates")];
        int open = gates.Count(g => Cells.Condition(pod, g.TextAt("conditionType") ?? "") == "True");
        return gates.Count == 0 ? Cells.None : $"{open}/{gates.Count}";
    }

    /// <summary>Marks rows of pods that have ended, so that clients can leave them out.</summary>
    private static JsonArray? Completed(JsonObject pod)
    {
        string? phase = pod.TextAt("status", "phase");
        return phase is not ("Succeeded" or "Failed") ? null : new JsonArray(new JsonObject
        {
            ["type"] = "Completed",
            ["status"] = "True",
            ["reason"] = phase,
            ["message"] = phase == "Succeeded" ? "The pod ended and all its containers succeeded." : "The pod ended because a container failed.",
        });
    }
}
