using System.Text.Json;
using System.Text.Json.Nodes;

namespace Ote.Kube.Server.Schema.Conversion;

/// <summary>
/// HorizontalPodAutoscalers of <c>autoscaling/v1</c> beside those of <c>v2</c>. Of the metrics v1 has fields for the use of CPU alone; whatever else there is
/// lies in annotations meanwhile, of the names that the real server has for them, in the words of v2.
/// </summary>
internal static class AutoscalerForm
{
    private const string Prefix = "autoscaling.alpha.kubernetes.io/";

    public static JsonObject ToV2(JsonObject obj)
    {
        JsonObject v2 = (JsonObject)obj.DeepClone();
        v2["apiVersion"] = "autoscaling/v2";
        if (v2.ObjectAt("spec") is { } spec)
        {
            JsonArray metrics = Take(v2, "metrics") as JsonArray ?? [];
            if (spec["targetCPUUtilizationPercentage"] is { } target)
                metrics.Insert(0, Cpu("target", new JsonObject { ["type"] = "Utilization", ["averageUtilization"] = target.DeepClone() }));
            spec.Remove("targetCPUUtilizationPercentage");
            if (metrics.Count > 0)
                spec["metrics"] = metrics;
            if (Take(v2, "behavior") is { } behavior)
                spec["behavior"] = behavior;
        }
        JsonArray current = Take(v2, "current-metrics") as JsonArray ?? [];
        if (v2.ObjectAt("status") is { } status && status["currentCPUUtilizationPercentage"] is { } used)
        {
            current.Insert(0, Cpu("current", new JsonObject { ["averageUtilization"] = used.DeepClone() }));
            status.Remove("currentCPUUtilizationPercentage");
        }
        Fill(v2, "currentMetrics", current.Count > 0 ? current : null);
        Fill(v2, "conditions", Take(v2, "conditions"));
        if (v2.ObjectAt("metadata") is { } metadata && metadata["annotations"] is JsonObject { Count: 0 })
            metadata.Remove("annotations");
        return v2;
    }

    public static JsonObject FromV2(JsonObject obj)
    {
        obj["apiVersion"] = "autoscaling/v1";
        if (obj.ObjectAt("spec") is { } spec)
        {
            Show(obj, spec, "metrics", "metrics", "target", "targetCPUUtilizationPercentage");
            Keep(obj, "behavior", spec["behavior"]);
            spec.Remove("behavior");
        }
        if (obj.ObjectAt("status") is { } status)
        {
            Show(obj, status, "currentMetrics", "current-metrics", "current", "currentCPUUtilizationPercentage");
            Keep(obj, "conditions", status["conditions"]);
            status.Remove("conditions");
        }
        return obj;
    }

    /// <summary>The first metric of CPU use becomes the field, the others an annotation.</summary>
    private static void Show(JsonObject obj, JsonObject part, string list, string annotation, string value, string field)
    {
        if (part[list] is not JsonArray metrics)
            return;
        part.Remove(list);
        // Only one that says nothing beside the use: what else it says would be lost.
        JsonNode? cpu = metrics.FirstOrDefault(m => m.TextAt("type") == "Resource" && m.TextAt("resource", "name") == "cpu"
            && m.At("resource", value) is JsonObject said && said["averageUtilization"] is not null && said.All(f => f.Key is "type" or "averageUtilization"));
        if (cpu is not null)
        {
            part[field] = cpu.At("resource", value, "averageUtilization")!.DeepClone();
            metrics.Remove(cpu);
        }
        Keep(obj, annotation, metrics.Count > 0 ? metrics : null);
    }

    private static JsonObject Cpu(string what, JsonObject value) =>
        new() { ["type"] = "Resource", ["resource"] = new JsonObject { ["name"] = "cpu", [what] = value } };

    private static void Keep(JsonObject obj, string name, JsonNode? value)
    {
        if (value is null || obj["metadata"] is not JsonObject metadata)
            return;
        if (metadata["annotations"] is not JsonObject annotations)
            metadata["annotations"] = annotations = [];
        annotations[Prefix + name] = value.ToJsonString(ObjectJson.Plain);
    }

    /// <summary>Takes an annotation's value; null when there is none, or none that is JSON: then it is a plain annotation and stays one.</summary>
    private static JsonNode? Take(JsonObject obj, string name)
    {
        if (obj["metadata"] is not JsonObject metadata || metadata["annotations"] is not JsonObject annotations || annotations.TextAt(Prefix + name) is not { } text)
            return null;
        try
        {
            JsonNode? value = JsonNode.Parse(text);
            if (name == "behavior" ? value is not JsonObject : value is not JsonArray)
                return null;
            annotations.Remove(Prefix + name);
            return value;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static void Fill(JsonObject obj, string field, JsonNode? value)
    {
        if (value is null)
            return;
        if (obj["status"] is not JsonObject status)
            obj["status"] = status = [];
        status[field] = value;
    }
}
