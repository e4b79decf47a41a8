namespace Ote.Mirror.Reporting;

/// <summary>What a cluster reports unless it is told otherwise.</summary>
public static class ReportedKinds
{
    // Commands and environments are long, and people put secrets into them; volumes are projected tokens for the most part.
    private static readonly string[] PodSpec =
    [
        "env", "envFrom", "command", "args", "volumeMounts", "volumeDevices", "livenessProbe", "readinessProbe", "startupProbe", "lifecycle", "securityContext",
        "terminationMessagePath", "terminationMessagePolicy", "imagePullPolicy",
    ];

    private static readonly string[] ContainerLists = ["containers", "initContainers", "ephemeralContainers"];

    // A cluster whose pods fail one after the other makes thousands.
    private const int MostEvents = 1000;

    /// <summary>Nodes, workloads, networking, storage claims, the newest events, namespaces, and the names of configmaps. Never secrets.</summary>
    public static IReadOnlyList<ReportedKind> Default { get; } =
    [
        new("namespaces", "", []),
        new("nodes", "", ["status.images", "status.volumesInUse", "status.volumesAttached"]),
        new("pods", "", [.. Containers("spec"), "spec.volumes", "spec.tolerations", "spec.affinity", "spec.imagePullSecrets", "spec.securityContext"]),
        new("services", "", []),
        new("endpointslices", "discovery.k8s.io", []),
        new("deployments", "apps", Template),
        new("statefulsets", "apps", Template),
        new("daemonsets", "apps", Template),
        new("jobs", "batch", Template),
        new("cronjobs", "batch", [.. Containers("spec.jobTemplate.spec.template.spec"), "spec.jobTemplate.spec.template.spec.volumes"]),
        new("ingresses", "networking.k8s.io", []),
        new("persistentvolumeclaims", "", []),
        new("configmaps", "", ["data", "binaryData"]),
        new("events", "", [], MostEvents),
    ];

    /// <summary>
    /// What a cluster reports when it is told to, and with which a pod's environments and commands would come: they are dropped as those of pods are. Of controllers' revisions, which are templates of former times, the names alone come.
    /// Of autoscalers the versions that hold all there is to one.
    /// </summary>
    public static IReadOnlyList<ReportedKind> Known { get; } =
    [
        new("replicasets", "apps", Template),
        new("replicationcontrollers", "", Template),
        new("podtemplates", "", [.. Containers("template.spec"), "template.spec.volumes"]),
        new("controllerrevisions", "apps", ["data"]),
        new("horizontalpodautoscalers", "autoscaling", []) { Versions = ["v2", "v2beta2"] },
    ];

    private static string[] Template => [.. Containers("spec.template.spec"), "spec.template.spec.volumes"];

    private static IEnumerable<string> Containers(string spec) =>
        from list in ContainerLists
        from field in PodSpec
        select $"{spec}.{list}[].{field}";
}
