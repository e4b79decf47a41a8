using System.Text.Json.Nodes;
using Ote.Kube.Server.Schema;
using static Ote.Kube.Server.Tables.TableColumn;

namespace Ote.Kube.Server.Tables;

/// <summary>Kinds that make pods.</summary>
internal static class WorkloadForms
{
    public static TableForm Deployment { get; } = new(
        [ObjectName, new("Ready"), new("Up-to-date"), new("Available"), Age, Wide("Containers"), Wide("Images"), Wide("Selector")],
        static (o, now) =>
        [
            Cells.Name(o), $"{Cells.Number(o, "status", "readyReplicas")}/{Cells.Number(o, "spec", "replicas")}",
            Cells.Number(o, "status", "updatedReplicas"), Cells.Number(o, "status", "availableReplicas"), Cells.Age(o, now),
            Cells.Containers(Template(o)), Cells.Images(Template(o)), Cells.Selector(o.ObjectAt("spec", "selector")),
        ]);

    public static TableForm ReplicaSet { get; } = Counted(o => Cells.Selector(o.ObjectAt("spec", "selector")));

    public static TableForm ReplicationController { get; } = Counted(o => Cells.Labels(o.ObjectAt("spec", "selector")));

    public static TableForm DaemonSet { get; } = new(
        [
            ObjectName, Number("Desired"), Number("Current"), Number("Ready"), Number("Up-to-date"), Number("Available"), new("Node Selector"), Age,
            Wide("Containers"), Wide("Images"), Wide("Selector"),
        ],
        static (o, now) =>
        [
            Cells.Name(o), Cells.Number(o, "status", "desiredNumberScheduled"), Cells.Number(o, "status", "currentNumberScheduled"),
            Cells.Number(o, "status", "numberReady"), Cells.Number(o, "status", "updatedNumberScheduled"), Cells.Number(o, "status", "numberAvailable"),
            Cells.Labels(o.ObjectAt("spec", "template", "spec", "nodeSelector")), Cells.Age(o, now), Cells.Containers(Template(o)),
            Cells.Images(Template(o)), Cells.Selector(o.ObjectAt("spec", "selector")),
        ]);

    public static TableForm StatefulSet { get; } = new(
        [ObjectName, new("Ready"), Age, Wide("Containers"), Wide("Images")],
        static (o, now) =>
        [
            Cells.Name(o), $"{Cells.Number(o, "status", "readyReplicas")}/{Cells.Number(o, "spec", "replicas")}", Cells.Age(o, now),
            Cells.Containers(Template(o)), Cells.Images(Template(o)),
        ]);

    public static TableForm Job { get; } = new(
        [ObjectName, new("Status"), new("Completions"), new("Duration"), Age, Wide("Containers"), Wide("Images"), Wide("Selector")],
        static (o, now) =>
        [
            Cells.Name(o), JobStatus(o), Completions(o), Duration(o, now), Cells.Age(o, now), Cells.Containers(Template(o)), Cells.Images(Template(o)),
            Cells.Selector(o.ObjectAt("spec", "selector")),
        ]);

    public static TableForm CronJob { get; } = new(
        [
            ObjectName, new("Schedule"), new("Timezone"), new("Suspend"), Number("Active"), new("Last Schedule"), Age, Wide("Containers"),
            Wide("Images"), Wide("Selector"),
        ],
        static (o, now) =>
        [
            Cells.Name(o), o.TextAt("spec", "schedule") ?? "", Cells.OrNone(o.TextAt("spec", "timeZone")), Cells.Flag(o.At("spec", "suspend")),
            o.ObjectsAt("status", "active").Count(),
            o.At("status", "lastScheduleTime") is { } last ? HumanAge.Since(last, now) : Cells.None, Cells.Age(o, now),
            Cells.Containers(o.ObjectAt("spec", "jobTemplate", "spec", "template", "spec")),
            Cells.Images(o.ObjectAt("spec", "jobTemplate", "spec", "template", "spec")),
            Cells.Selector(o.ObjectAt("spec", "jobTemplate", "spec", "selector")),
        ]);

    public static TableForm ControllerRevision { get; } = new(
        [ObjectName, new("Controller"), new("Revision"), Age],
        static (o, now) => [Cells.Name(o), Controller(o), Cells.Number(o, "revision"), Cells.Age(o, now)]);

    public static TableForm PodTemplate { get; } = new(
        [ObjectName, new("Containers"), new("Images"), new("Pod Labels")],
        static (o, _) =>
        [
            Cells.Name(o), Cells.Containers(o.ObjectAt("template", "spec")), Cells.Images(o.ObjectAt("template", "spec")),
            Cells.Labels(o.ObjectAt("template", "metadata", "labels")),
        ]);

    private static TableForm Counted(Func<JsonObject, string> selector) => new(
        [ObjectName, Number("Desired"), Number("Current"), Number("Ready"), Age, Wide("Containers"), Wide("Images"), Wide("Selector")],
        (o, now) =>
        [
            Cells.Name(o), Cells.Number(o, "spec", "replicas"), Cells.Number(o, "status", "replicas"), Cells.Number(o, "status", "readyReplicas"),
            Cells.Age(o, now), Cells.Containers(Template(o)), Cells.Images(Template(o)), selector(o),
        ]);

    private static JsonObject? Template(JsonObject o) => o.ObjectAt("spec", "template", "spec");

    private static string JobStatus(JsonObject job)
    {
        if (Cells.Condition(job, "Complete") == "True")
            return "Complete";
        if (Cells.Condition(job, "Failed") == "True")
            return "Failed";
        if (job.At("metadata", "deletionTimestamp") is not null)
            return "Terminating";
        if (Cells.Condition(job, "Suspended") == "True")
            return "Suspended";
        if (Cells.Condition(job, "FailureTarget") == "True")
            return "FailureTarget";
        return Cells.Condition(job, "SuccessCriteriaMet") == "True" ? "SuccessCriteriaMet" : "Running";
    }

    private static string Completions(JsonObject job)
    {
        long done = Cells.Number(job, "status", "succeeded");
        if (job.NumberAt("spec", "completions") is { } wanted)
            return $"{done}/{wanted}";
        long parallel = job.NumberAt("spec", "parallelism") ?? 0;
        return parallel > 1 ? $"{done}/1 of {parallel}" : $"{done}/1";
    }

    private static string Duration(JsonObject job, DateTimeOffset now)
    {
        if (HumanAge.Parse(job.At("status", "startTime")) is not { } start)
            return "";
        return HumanAge.Of((HumanAge.Parse(job.At("status", "completionTime")) ?? now) - start);
    }

    private static string Controller(JsonObject o) => o.ObjectsAt("metadata", "ownerReferences").FirstOrDefault(r => r.FlagAt("controller")) is { } owner
        ? $"{owner.TextAt("kind")!.ToLowerInvariant()}{GroupOf(owner.TextAt("apiVersion") ?? "")}/{owner.TextAt("name")}" : Cells.None;

    private static string GroupOf(string apiVersion) =>
        apiVersion.IndexOf('/', StringComparison.Ordinal) is int slash and > 0 ? "." + apiVersion[..slash] : "";
}
