using System.Text.Json.Nodes;
using Ote.Kube.Objects;

namespace Ote.EdgeCluster.Workloads;

/// <summary>How counts stand in a status: zero is left out, as Kubernetes does. Pure.</summary>
internal static class StatusFields
{
    /// <summary>Sets a count, or leaves it out when zero.</summary>
    public static void SetCount(this JsonObject status, string name, long count)
    {
        if (count != 0)
        {
            status[name] = count;
        }
    }

    /// <summary>A count of an object's status; zero when absent.</summary>
    public static int Count(this JsonObject obj, string name) => (int)(obj.Whole("status", name) ?? 0);

    /// <summary><c>spec.replicas</c>; 1 when absent.</summary>
    public static int Replicas(this JsonObject workload) => (int)(workload.Whole("spec", "replicas") ?? 1);

    /// <summary>Whether an object shows this status already. Numbers are equal by value, however they were made.</summary>
    public static bool Shows(this JsonObject obj, JsonObject status) => JsonNode.DeepEquals(obj["status"] ?? new JsonObject(), status);

    /// <summary>A count that may be a number or a percentage of <paramref name="whole"/>.</summary>
    /// <param name="value">Such as <c>1</c> or <c>"25%"</c>.</param>
    /// <param name="whole">What 100 % is.</param>
    /// <param name="up">Whether a fraction counts as one.</param>
    /// <param name="absent">When <paramref name="value"/> is absent or malformed.</param>
    public static int Resolve(JsonNode? value, int whole, bool up, JsonNode absent)
    {
        if (value.Whole() is { } number)
        {
            return (int)Math.Clamp(number, 0, int.MaxValue);
        }

        if (value.Text() is { } text && text.EndsWith('%') && int.TryParse(text.AsSpan(0, text.Length - 1), out var percent) && percent >= 0)
        {
            var share = (long)whole * percent;
            return (int)((share + (up ? 99 : 0)) / 100);
        }

        return ReferenceEquals(value, absent) ? 0 : Resolve(absent, whole, up, absent);
    }
}
