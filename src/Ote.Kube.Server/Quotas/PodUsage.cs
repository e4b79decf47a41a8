using System.Text.Json.Nodes;
using Ote.Kube.Objects;
using Ote.Kube.Server.Schema.Validation;

namespace Ote.Kube.Server.Quotas;

/// <summary>What a pod uses of what quotas limit. Pure.</summary>
internal static class PodUsage
{
    private const string Requests = "requests.";

    // What limits these asks each container to say how much it wants.
    private static readonly HashSet<string> s_mustBeNamed = ["cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory"];

    private static readonly HashSet<string> s_names =
        [.. s_mustBeNamed, "ephemeral-storage", "requests.ephemeral-storage", "limits.ephemeral-storage"];

    /// <summary>Whether a name in a quota speaks of what pods use.</summary>
    public static bool Concerns(string name) => s_names.Contains(name)
        || name.StartsWith("hugepages-", StringComparison.Ordinal) || name.StartsWith("requests.hugepages-", StringComparison.Ordinal)
        || (name.StartsWith(Requests, StringComparison.Ordinal) && IsExtended(name));

    /// <summary>What a pod's containers would have to name; null when they name all.</summary>
    /// <param name="pod">The pod.</param>
    /// <param name="limited">The names that a quota limits.</param>
    public static string? Unnamed(JsonObject pod, IEnumerable<string> limited)
    {
        var needed = limited.Where(s_mustBeNamed.Contains).ToList();
        var missing = needed.Count == 0 ? [] : Containers(pod, "containers").Concat(Containers(pod, "initContainers"))
            .SelectMany(container => needed.Except(Named(Amount.ReadAll(container.At("resources", "requests")), Amount.ReadAll(container.At("resources", "limits"))).Keys))
            .Distinct().Order(StringComparer.Ordinal).ToList();
        return missing.Count == 0 ? null : $"must specify {string.Join(",", missing)}";
    }

    /// <summary>Adds what a pod uses: nothing but its own number once it has ended, or should be gone.</summary>
    public static void AddTo(Dictionary<string, Amount> used, JsonObject pod, DateTimeOffset now)
    {
        if (HasEnded(pod) || ShouldBeGone(pod) is { } moment && moment < now)
        {
            return;
        }

        used["pods"] = Amount.Of(1);
        foreach (var (name, amount) in Named(Sum(pod, "requests"), Sum(pod, "limits")))
        {
            used[name] = amount;
        }
    }

    /// <summary>Whether it ran to its end.</summary>
    public static bool HasEnded(JsonObject pod) => pod.Text("status", "phase") is "Succeeded" or "Failed";

    /// <summary>When a pod that is being deleted counts no longer, though nobody confirmed its end.</summary>
    public static DateTimeOffset? ShouldBeGone(JsonObject pod) =>
        pod.Time("metadata", "deletionTimestamp") is { } due && pod.Whole("metadata", "deletionGracePeriodSeconds") is { } grace ? due.AddSeconds(grace) : null;

    /// <summary>Requests and limits by the names that quotas have for them.</summary>
    private static Dictionary<string, Amount> Named(Dictionary<string, Amount> requests, Dictionary<string, Amount> limits)
    {
        var named = new Dictionary<string, Amount>(StringComparer.Ordinal);
        foreach (var (name, amount) in requests)
        {
            var both = name is "cpu" or "memory" or "ephemeral-storage" || name.StartsWith("hugepages-", StringComparison.Ordinal);
            if (both)
            {
                named[name] = amount;
            }

            if (both || IsExtended(name))
            {
                named[Requests + name] = amount;
            }
        }

        foreach (var (name, amount) in limits.Where(limit => limit.Key is "cpu" or "memory" or "ephemeral-storage"))
        {
            named["limits." + name] = amount;
        }

        return named;
    }

    /// <summary>What its containers need together, or one that runs before them when that is more, and its overhead. Init containers that stay count with those they stay beside.</summary>
    public static Dictionary<string, Amount> Sum(JsonObject pod, string part)
    {
        var (sum, most) = (new Dictionary<string, Amount>(StringComparer.Ordinal), new Dictionary<string, Amount>(StringComparer.Ordinal));
        foreach (var container in Containers(pod, "initContainers"))
        {
            var wants = Amount.ReadAll(container.At("resources", part));
            if (container.Text("restartPolicy") == "Always")
            {
                Add(sum, wants);
                wants = [];
            }

            foreach (var name in wants.Keys.Union(sum.Keys))
            {
                var together = wants.TryGetValue(name, out var own) ? sum.TryGetValue(name, out var beside) ? beside.Plus(own) : own : sum[name];
                most[name] = most.TryGetValue(name, out var before) && before.Value >= together.Value ? before : together;
            }
        }

        foreach (var container in Containers(pod, "containers"))
        {
            Add(sum, Amount.ReadAll(container.At("resources", part)));
        }

        foreach (var (name, amount) in most.Where(m => !sum.TryGetValue(m.Key, out var together) || together.Value < m.Value.Value))
        {
            sum[name] = amount;
        }

        Add(sum, Amount.ReadAll(pod.At("spec", "overhead")).Where(o => part == "requests" || sum.ContainsKey(o.Key)));
        return sum;
    }

    private static void Add(Dictionary<string, Amount> sum, IEnumerable<KeyValuePair<string, Amount>> amounts)
    {
        foreach (var (name, amount) in amounts)
        {
            sum[name] = sum.TryGetValue(name, out var before) ? before.Plus(amount) : amount;
        }
    }

    private static IEnumerable<JsonObject> Containers(JsonObject pod, string list) => (pod.Items("spec", list) ?? []).OfType<JsonObject>();

    /// <summary>A resource that is none of Kubernetes' own, such as a device of a vendor.</summary>
    private static bool IsExtended(string name) => name.Contains('/', StringComparison.Ordinal) && !name.Contains("kubernetes.io/", StringComparison.Ordinal);
}
