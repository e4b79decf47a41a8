using System.Text.Json.Nodes;

namespace Ote.Kube.Server.Schema.Defaults;

/// <summary>Defaults of the kinds that make pods.</summary>
internal static class WorkloadDefaults
{
    public static void Deployment(JsonObject spec)
    {
        spec.Set("replicas", 1);
        RollingUpdate(spec, "strategy", "maxUnavailable", "25%", "maxSurge", "25%");
        spec.Set("revisionHistoryLimit", 10);
        spec.Set("progressDeadlineSeconds", 600);
        PodDefaults.Template(spec.ObjectAt("template"));
    }

    public static void DaemonSet(JsonObject spec)
    {
        RollingUpdate(spec, "updateStrategy", "maxUnavailable", 1, "maxSurge", 0);
        spec.Set("revisionHistoryLimit", 10);
        PodDefaults.Template(spec.ObjectAt("template"));
    }

    public static void StatefulSet(JsonObject spec)
    {
        spec.SetText("podManagementPolicy", "OrderedReady");
        RollingUpdate(spec, "updateStrategy", "partition", 0);
        spec.Set("replicas", 1);
        spec.Set("revisionHistoryLimit", 10);
        if (spec.Child("persistentVolumeClaimRetentionPolicy") is { } retention)
        {
            retention.SetText("whenDeleted", "Retain");
            retention.SetText("whenScaled", "Retain");
        }
        PodDefaults.Template(spec.ObjectAt("template"));
        foreach (JsonObject claim in spec.ObjectsAt("volumeClaimTemplates"))
        {
            claim.SetText("apiVersion", "v1");
            claim.SetText("kind", "PersistentVolumeClaim");
            claim.ObjectAt("spec")?.SetText("volumeMode", "Filesystem");
            claim.Child("status")?.SetText("phase", "Pending");
        }
    }

    public static void ReplicaSet(JsonObject spec)
    {
        spec.Set("replicas", 1);
        PodDefaults.Template(spec.ObjectAt("template"));
    }

    public static void ReplicationController(JsonObject obj, JsonObject spec)
    {
        ReplicaSet(spec);
        if (spec.ObjectAt("template", "metadata", "labels") is not { Count: > 0 } labels)
            return;
        if (spec.ObjectAt("selector") is not { Count: > 0 })
            spec["selector"] = labels.DeepClone();
        if (obj.ObjectAt("metadata", "labels") is not { Count: > 0 })
            obj.Child("metadata")!["labels"] = labels.DeepClone();
    }

    public static void Job(JsonObject obj, JsonObject spec)
    {
        if (spec["completions"] is null && spec["parallelism"] is null)
            spec["completions"] = 1;
        spec.Set("parallelism", 1);
        spec.Set("backoffLimit", spec["backoffLimitPerIndex"] is null ? 6 : int.MaxValue);
        spec.SetText("completionMode", "NonIndexed");
        spec.Set("suspend", false);
        spec.SetText("podReplacementPolicy", spec["podFailurePolicy"] is null ? "TerminatingOrFailed" : "Failed");
        spec.Set("manualSelector", false);
        PodDefaults.Template(spec.ObjectAt("template"));
        if (!spec.FlagAt("manualSelector"))
            SelectOwnPods(obj, spec);
        if (spec.ObjectAt("template", "metadata", "labels") is { Count: > 0 } labels && obj.ObjectAt("metadata") is { } metadata && metadata["labels"] is not JsonObject { Count: > 0 })
            metadata["labels"] = labels.DeepClone();
    }

    public static void CronJob(JsonObject spec)
    {
        spec.SetText("concurrencyPolicy", "Allow");
        spec.Set("suspend", false);
        spec.Set("successfulJobsHistoryLimit", 3);
        spec.Set("failedJobsHistoryLimit", 1);
        PodDefaults.Template(spec.ObjectAt("jobTemplate", "spec", "template"));
    }

    /// <summary>A job finds its pods by its own uid, which only the server knows: selector and labels are its work.</summary>
    private static void SelectOwnPods(JsonObject job, JsonObject spec)
    {
        if (job.TextAt("metadata", "uid") is not { Length: > 0 } uid || spec["selector"] is not null
            || spec.ObjectAt("template")?.Child("metadata")?.Child("labels") is not { } labels)
        {
            return;
        }
        string name = job.TextAt("metadata", "name") ?? "";
        labels.Set("batch.kubernetes.io/controller-uid", uid);
        labels.Set("batch.kubernetes.io/job-name", name);
        labels.Set("controller-uid", uid);
        labels.Set("job-name", name);
        spec["selector"] = new JsonObject { ["matchLabels"] = new JsonObject { ["batch.kubernetes.io/controller-uid"] = uid } };
    }

    private static void RollingUpdate(JsonObject spec, string field, string name, JsonNode value, string? second = null, JsonNode? secondValue = null)
    {
        if (spec.Child(field) is not { } strategy)
            return;
        strategy.SetText("type", "RollingUpdate");
        if (strategy.TextAt("type") != "RollingUpdate" || strategy.Child("rollingUpdate") is not { } rolling)
            return;
        rolling.Set(name, value);
        if (second is not null)
            rolling.Set(second, secondValue!);
    }
}
