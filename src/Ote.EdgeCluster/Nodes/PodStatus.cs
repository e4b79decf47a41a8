using System.Text.Json.Nodes;
using Ote.Kube.Objects;

namespace Ote.EdgeCluster.Nodes;

/// <summary>What is to be shown and told of a pod, given what its runtime says. Pure.</summary>
internal static class PodStatus
{
    /// <summary>The runtime's status over the one shown: what the runtime does not speak of (readiness gates, QoS class) stays.</summary>
    public static JsonObject Merge(JsonObject? shown, JsonObject runtime)
    {
        var merged = (shown ?? []).Copy();
        var foreign = (merged.Items("conditions") ?? []).Where(c => !(runtime.Items("conditions") ?? []).Any(r => r.Text("type") == c.Text("type"))).ToList();
        foreach (var (name, value) in runtime)
        {
            merged[name] = value?.DeepClone();
        }

        foreach (var condition in foreign)
        {
            merged.Items("conditions")!.Add(condition!.DeepClone());
        }

        return merged;
    }

    private static readonly string[] Lists = ["initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses"];

    /// <summary>Events for what a container did between two statuses.</summary>
    public static IEnumerable<(bool Warning, string Reason, string Message)> Between(JsonObject? old, JsonObject now)
    {
        foreach (var container in Containers(now))
        {
            var name = container.Text("name");
            var before = Containers(old).FirstOrDefault(c => c.Text("name") == name);
            var started = container.Text("state", "running", "startedAt");
            var waiting = container.Text("state", "waiting", "reason");
            if (started is not null && (started != before.Text("state", "running", "startedAt") || container.Whole("restartCount") != before.Whole("restartCount")))
            {
                yield return (false, "Started", $"Started container {name} (simulated)");
            }

            if (waiting != before.Text("state", "waiting", "reason"))
            {
                var message = container.Text("state", "waiting", "message") ?? "";
                if (waiting == "ErrImagePull")
                {
                    yield return (true, "Failed", $"Failed to pull image \"{container.Text("image")}\": {message}");
                }
                else if (waiting is "ImagePullBackOff" or "CrashLoopBackOff")
                {
                    yield return (true, "BackOff", waiting == "ImagePullBackOff" ? message : $"Back-off restarting failed container {name}");
                }
            }
        }
    }

    private static IEnumerable<JsonNode?> Containers(JsonObject? status) => Lists.SelectMany(list => status.Items(list)?.AsEnumerable() ?? []);
}
