using System.Globalization;
using System.Text.Json.Nodes;
using Ote.EdgeCluster.Workloads;
using Ote.Kube.Objects;

namespace Ote.EdgeCluster.Jobs;

/// <summary>The pods of a job, and what their end means. Pure.</summary>
internal static class JobPod
{
    /// <summary>Holds a pod that ended until the job has counted it.</summary>
    public const string Finalizer = "batch.kubernetes.io/job-tracking";

    private const string IndexName = "batch.kubernetes.io/job-completion-index";

    /// <summary>A pod; of an index where the job is Indexed.</summary>
    public static JsonObject Make(JsonObject job, int? index)
    {
        var pod = PodTemplate.NewPod(job, Kinds.Jobs);
        var metadata = pod.Child("metadata");
        metadata["finalizers"] = new JsonArray(Finalizer);
        if (index is not { } number)
        {
            return pod;
        }

        var text = number.ToString(CultureInfo.InvariantCulture);
        metadata["generateName"] = $"{job.Name()}-{text}-";
        metadata.Child("labels")[IndexName] = text;
        metadata.Child("annotations")[IndexName] = text;
        var spec = pod.Child("spec");
        spec["hostname"] = $"{job.Name()}-{text}";
        foreach (var container in (spec.Items("containers") ?? []).Concat(spec.Items("initContainers") ?? []).OfType<JsonObject>())
        {
            var env = container.Items("env")?.DeepClone() as JsonArray ?? [];
            env.Add((JsonNode)new JsonObject { ["name"] = "JOB_COMPLETION_INDEX", ["value"] = text });
            container["env"] = env;
        }

        return pod;
    }

    /// <summary>Its completion index; null where it has none.</summary>
    public static int? IndexOf(JsonObject pod) =>
        int.TryParse(pod.Annotation(IndexName), NumberStyles.None, CultureInfo.InvariantCulture, out var index) ? index : null;

    /// <summary>The job has not counted it yet, or has not let go of it.</summary>
    public static bool IsTracked(JsonObject pod) => pod.Items("metadata", "finalizers")?.Any(f => f.Text() == Finalizer) == true;

    /// <summary>It did its work.</summary>
    public static bool Succeeded(JsonObject pod) => pod.Phase() == "Succeeded";

    /// <summary>It will not do its work any more: it failed, or is made to go.</summary>
    public static bool Failed(JsonObject pod) => pod.Phase() == "Failed" || (pod.IsDeleting() && pod.Phase() != "Succeeded");

    /// <summary>When its last container ended; null while none has.</summary>
    public static DateTimeOffset? Ended(JsonObject pod) =>
        pod.Items("status", "containerStatuses")?.Select(c => c.Time("state", "terminated", "finishedAt")).Max() ?? (pod.IsDeleting() ? pod.Time("metadata", "deletionTimestamp") : null);

    /// <summary>A merge patch that lets go of it.</summary>
    public static JsonObject Untrack(JsonObject pod) => new()
    {
        ["metadata"] = new JsonObject
        {
            ["uid"] = pod.Uid(),
            ["finalizers"] = new JsonArray([.. (pod.Items("metadata", "finalizers") ?? []).Where(f => f.Text() != Finalizer).Select(f => f!.DeepClone())]),
        },
    };
}
