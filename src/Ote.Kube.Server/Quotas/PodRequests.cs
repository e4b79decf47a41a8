using System.Text.Json.Nodes;

namespace Ote.Kube.Server.Quotas;

/// <summary>What a pod requests, as the scheduler counts it: its containers together, or an init container where that is more, and its overhead. Pure.</summary>
public static class PodRequests
{
    /// <summary>By resource, in base units: cores, bytes, pieces.</summary>
    /// <param name="pod">The pod; what is no quantity counts as nothing.</param>
    public static IEnumerable<KeyValuePair<string, decimal>> Of(JsonObject pod)
    {
        ArgumentNullException.ThrowIfNull(pod);
        return PodUsage.Sum(pod, "requests").Select(static request => KeyValuePair.Create(request.Key, request.Value.Value));
    }
}
