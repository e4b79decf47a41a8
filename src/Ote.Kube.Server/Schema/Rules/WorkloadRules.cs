using System.Text.Json.Nodes;
using Ote.Kube.Server.Selectors;

namespace Ote.Kube.Server.Schema.Rules;

/// <summary>What the kinds that make pods must fulfil.</summary>
internal static class WorkloadRules
{
    /// <summary>Deployment, ReplicaSet, DaemonSet, StatefulSet: a selector that finds the pods of the template.</summary>
    public static void Check(KindInfo kind, JsonObject obj, Faults faults)
    {
        if (obj.ObjectAt("spec") is not { } spec)
            return;
        faults.NotNegative(spec, "spec", "replicas", "minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds");
        Selector(kind, spec, faults);
        Template(spec.ObjectAt("template"), "spec.template", ["Always"], faults);
        if (kind.Plural == "deployments")
            Strategy(spec, faults);
        if (kind.Plural == "replicationcontrollers" && spec["template"] is null)
            faults.Required("spec.template");
    }

    public static void Job(JsonObject? spec, string path, Faults faults)
    {
        faults.NotNegative(spec, path, "parallelism", "completions", "activeDeadlineSeconds", "backoffLimit", "ttlSecondsAfterFinished");
        Template(spec.ObjectAt("template"), path + ".template", ["OnFailure", "Never"], faults);
        if (spec.TextAt("completionMode") == "Indexed" && spec.At("completions") is null)
            faults.Required(path + ".completions", "when completion mode is Indexed");
    }

    public static void CronJob(JsonObject? spec, Faults faults)
    {
        string schedule = spec.TextAt("schedule") ?? "";
        if (schedule.Length == 0)
            faults.Required("spec.schedule");
        else if (CronSchedule.Fault(schedule) is { } fault)
            faults.Invalid("spec.schedule", schedule, fault);
        faults.NotNegative(spec, "spec", "startingDeadlineSeconds", "successfulJobsHistoryLimit", "failedJobsHistoryLimit");
        Job(spec.ObjectAt("jobTemplate", "spec"), "spec.jobTemplate.spec", faults);
    }

    public static void Template(JsonObject? template, string path, string[] restartPolicies, Faults faults)
    {
        if (template is null)
            return;
        MetadataRules.Labels(template.ObjectAt("metadata", "labels"), path + ".labels", faults);
        MetadataRules.Annotations(template.ObjectAt("metadata", "annotations"), path + ".annotations", faults);
        PodRules.Spec(template.ObjectAt("spec"), path + ".spec", faults);
        if (template.ObjectsAt("spec", "ephemeralContainers").Any())
            faults.Forbidden(path + ".spec.ephemeralContainers", "ephemeral containers not allowed in pod template");
        string? policy = template.TextAt("spec", "restartPolicy");
        // The usual default of pods does not do for a job, whose writer has to choose.
        if (policy is "Always" && !restartPolicies.Contains(policy))
            faults.Required(path + ".spec.restartPolicy", "valid values: " + string.Join(", ", restartPolicies.Select(FieldError.Quote)));
        else if (policy is not null && !restartPolicies.Contains(policy))
            faults.Add(FieldError.NotSupported(path + ".spec.restartPolicy", policy, restartPolicies));
    }

    public static LabelSelector? ReadSelector(JsonObject? selector, string path, Faults faults)
    {
        try
        {
            return LabelSelector.FromObject(selector);
        }
        catch (SelectorException e)
        {
            faults.Invalid(path, selector, e.Message);
            return null;
        }
    }

    private static void Selector(KindInfo kind, JsonObject spec, Faults faults)
    {
        JsonObject? selector = spec.ObjectAt("selector");
        if (selector is null)
        {
            if (kind.Plural == "replicationcontrollers")
                faults.Required("spec.selector");
            return;
        }
        MetadataRules.Labels(kind.Plural == "replicationcontrollers" ? selector : selector.ObjectAt("matchLabels"),
            kind.Plural == "replicationcontrollers" ? "spec.selector" : "spec.selector.matchLabels", faults);
        if (ReadSelector(selector, "spec.selector", faults) is not { } parsed)
            return;
        if (parsed.IsEverything)
            faults.Invalid("spec.selector", selector, $"empty selector is invalid for {kind.Kind.ToLowerInvariant()}");
        else if (spec.ObjectAt("template") is { } template && !parsed.Matches(template.ObjectAt("metadata", "labels")))
        {
            faults.Invalid("spec.template.metadata.labels", template.ObjectAt("metadata", "labels") ?? [],
                "`selector` does not match template `labels`");
        }
    }

    private static void Strategy(JsonObject spec, Faults faults)
    {
        JsonObject? rolling = spec.ObjectAt("strategy", "rollingUpdate");
        if (spec.TextAt("strategy", "type") == "Recreate" && rolling is not null)
            faults.Forbidden("spec.strategy.rollingUpdate", "may not be specified when strategy `type` is 'Recreate'");
        if (rolling is not null && IsZero(rolling["maxUnavailable"]) && IsZero(rolling["maxSurge"]))
            faults.Invalid("spec.strategy.rollingUpdate.maxUnavailable", rolling["maxUnavailable"], "may not be 0 when `maxSurge` is 0");
        if (spec["progressDeadlineSeconds"].Whole() is { } deadline && deadline <= (spec["minReadySeconds"].Whole() ?? 0))
            faults.Invalid("spec.progressDeadlineSeconds", spec["progressDeadlineSeconds"], "must be greater than minReadySeconds");
    }

    private static bool IsZero(JsonNode? node) => node.Scalar() is "0" or "0%";
}
