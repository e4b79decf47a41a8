using System.Text.Json.Nodes;
using Ote.Kube.Server.Schema;
using static Ote.Kube.Server.Tables.TableColumn;

namespace Ote.Kube.Server.Tables;

/// <summary>Nodes, namespaces, policies and the other kinds that shape a cluster.</summary>
internal static class ClusterForms
{
    private const string RolePrefix = "node-role.kubernetes.io/";

    public static TableForm Node { get; } = new(
        [
            ObjectName, new("Status"), new("Roles"), Age, new("Version"), Wide("Internal-IP"), Wide("External-IP"), Wide("OS-Image"),
            Wide("Kernel-Version"), Wide("Container-Runtime"),
        ],
        static (o, now) =>
        [
            Cells.Name(o), NodeStatus(o), Roles(o), Cells.Age(o, now), o.TextAt("status", "nodeInfo", "kubeletVersion") ?? "", Address(o, "InternalIP"),
            Address(o, "ExternalIP"), Info(o, "osImage"), Info(o, "kernelVersion"), Info(o, "containerRuntimeVersion"),
        ]);

    public static TableForm Namespace { get; } = new(
        [ObjectName, new("Status"), Age], static (o, now) => [Cells.Name(o), o.TextAt("status", "phase") ?? "", Cells.Age(o, now)]);

    public static TableForm Lease { get; } = new(
        [ObjectName, new("Holder"), Age],
        static (o, now) => [Cells.Name(o), o.TextAt("spec", "holderIdentity") ?? "", Cells.Age(o, now)]);

    public static TableForm ResourceQuota { get; } = new(
        [ObjectName, new("Request"), new("Limit"), Age],
        static (o, now) => [Cells.Name(o), Quota(o, limits: false), Quota(o, limits: true), Cells.Age(o, now)]);

    public static TableForm PodDisruptionBudget { get; } = new(
        [ObjectName, new("Min Available"), new("Max Unavailable"), Number("Allowed Disruptions"), Age],
        static (o, now) =>
        [
            Cells.Name(o), o.At("spec", "minAvailable").Scalar() ?? "N/A", o.At("spec", "maxUnavailable").Scalar() ?? "N/A",
            Cells.Number(o, "status", "disruptionsAllowed"), Cells.Age(o, now),
        ]);

    public static TableForm PriorityClass { get; } = new(
        [ObjectName, Number("Value"), new("Global-Default", "boolean"), Age, Wide("PreemptionPolicy")],
        static (o, now) =>
            [Cells.Name(o), Cells.Number(o, "value"), o.FlagAt("globalDefault"), Cells.Age(o, now), o.TextAt("preemptionPolicy") ?? ""]);

    public static TableForm RuntimeClass { get; } = new(
        [ObjectName, new("Handler"), Age], static (o, now) => [Cells.Name(o), o.TextAt("handler") ?? "", Cells.Age(o, now)]);

    public static TableForm HorizontalPodAutoscaler { get; } = new(
        [ObjectName, new("Reference"), new("Targets"), new("MinPods"), new("MaxPods"), new("Replicas"), Age],
        static (o, now) =>
        [
            Cells.Name(o), $"{o.TextAt("spec", "scaleTargetRef", "kind")}/{o.TextAt("spec", "scaleTargetRef", "name")}", Targets(o),
            o.At("spec", "minReplicas").Scalar() ?? Cells.Unset, Cells.Number(o, "spec", "maxReplicas"), Cells.Number(o, "status", "currentReplicas"),
            Cells.Age(o, now),
        ]);

    /// <summary>Kinds of which only name and moment of creation are shown.</summary>
    public static TableForm Created { get; } = new([ObjectName, CreatedAt], static (o, _) => [Cells.Name(o), Cells.CreatedAt(o)]);

    private static string NodeStatus(JsonObject node)
    {
        string status = Cells.Condition(node, "Ready") switch { "True" => "Ready", null => "Unknown", _ => "NotReady" };
        return node.FlagAt("spec", "unschedulable") ? status + ",SchedulingDisabled" : status;
    }

    private static string Roles(JsonObject node)
    {
        SortedSet<string> roles = new(StringComparer.Ordinal);
        foreach ((string key, JsonNode? value) in node.ObjectAt("metadata", "labels") ?? [])
        {
            if (key.StartsWith(RolePrefix, StringComparison.Ordinal) && key.Length > RolePrefix.Length)
                roles.Add(key[RolePrefix.Length..]);
            else if (key == "kubernetes.io/role" && value.Text() is { Length: > 0 } role)
                roles.Add(role);
        }
        return Cells.OrNone(Cells.Join(roles));
    }

    private static string Address(JsonObject node, string type) =>
        Cells.OrNone(node.ObjectsAt("status", "addresses").FirstOrDefault(a => a.TextAt("type") == type).TextAt("address"));

    private static string Info(JsonObject node, string field) =>
        node.TextAt("status", "nodeInfo", field) is { Length: > 0 } text ? text : HumanAge.Unknown;

    private static string Quota(JsonObject quota, bool limits) => string.Join(", ", (quota.ObjectAt("status", "hard") ?? [])
        .Where(h => h.Key.StartsWith("limits.", StringComparison.Ordinal) == limits).OrderBy(h => h.Key, StringComparer.Ordinal)
        .Select(h => $"{h.Key}: {quota.At("status", "used", h.Key).Scalar() ?? "0"}/{h.Value.Scalar()}"));

    private static string Targets(JsonObject autoscaler)
    {
        List<JsonObject> current = [.. autoscaler.ObjectsAt("status", "currentMetrics")];
        List<string> targets = [];
        int index = 0;
        foreach (JsonObject metric in autoscaler.ObjectsAt("spec", "metrics"))
        {
            string type = metric.TextAt("type") ?? "";
            string field = type.Length == 0 ? "" : char.ToLowerInvariant(type[0]) + type[1..];
            JsonObject? target = metric.ObjectAt(field, "target");
            JsonObject? seen = index < current.Count ? current[index].ObjectAt(field, "current") : null;
            index++;
            bool percent = target.At("averageUtilization") is not null;
            string amount = percent ? target.At("averageUtilization").Scalar() + "%" : target.At("averageValue").Scalar() ?? target.At("value").Scalar() ?? "<auto>";
            string now = percent
                ? (seen.At("averageUtilization").Scalar() is { } p ? p + "%" : HumanAge.Unknown)
                : seen.At("averageValue").Scalar() ?? seen.At("value").Scalar() ?? HumanAge.Unknown;
            string name = metric.TextAt(field, "name") ?? "";
            targets.Add(type == "Resource" ? $"{name}: {now}/{amount}" : $"{now}/{amount}");
        }
        return Cells.Few(targets, 2, Cells.None, ", ");
    }
}
