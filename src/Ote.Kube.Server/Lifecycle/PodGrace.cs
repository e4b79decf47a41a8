using System.Text.Json.Nodes;
using Ote.Kube.Objects;
using Ote.Kube.Server.Schema;

namespace Ote.Kube.Server.Lifecycle;

/// <summary>How long a deleted pod may take to end. Pure.</summary>
internal static class PodGrace
{
    private const long Usual = 30;
    private const long Longest = 7 * 24 * 3600;

    /// <summary>Seconds until the pod is to be gone; zero: now. A pod that is going already is given no longer than it was.</summary>
    /// <param name="kind">The object's kind; only pods have a grace.</param>
    /// <param name="pod">As it is stored.</param>
    /// <param name="asked">What the deletion grants; null: what the pod asks for.</param>
    public static long Of(KindInfo kind, JsonObject pod, long? asked)
    {
        // A pod that is nowhere, or has ended, has nothing to end.
        if (kind is not { Group: "", Plural: "pods" } || pod.Text("spec", "nodeName") is not { Length: > 0 } || pod.Text("status", "phase") is "Succeeded" or "Failed")
        {
            return 0;
        }

        var seconds = Math.Clamp(asked ?? pod.Whole("spec", "terminationGracePeriodSeconds") ?? Usual, 0, Longest);
        return pod.IsDeleting() ? Math.Min(seconds, pod.Whole("metadata", "deletionGracePeriodSeconds") ?? 0) : seconds;
    }

    /// <summary>Whether a pod that is going waits for its node.</summary>
    public static bool Holds(KindInfo kind, JsonObject pod) =>
        kind is { Group: "", Plural: "pods" } && pod.Whole("metadata", "deletionGracePeriodSeconds") is > 0;
}
