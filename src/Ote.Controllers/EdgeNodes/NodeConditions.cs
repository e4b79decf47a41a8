using System.Text.Json.Nodes;
using Ote.Kube.Objects;

namespace Ote.Controllers.EdgeNodes;

/// <summary>What a kubelet says of its node, what Kubernetes writes over it when it gives the node up, and how it is put back. Pure.</summary>
public static class NodeConditions
{
    /// <summary>Why a node that is kept is as it is: put back by this controller, not said by its kubelet just now. A kubelet that comes back writes its own over it.</summary>
    public const string Reason = "KeptByEdgeController";

    private const string Ready = "Ready";
    private const string NeverUpdated = "NodeStatusNeverUpdated";
    private static readonly string[] s_types = [Ready, "MemoryPressure", "DiskPressure", "PIDPressure"];

    /// <summary>Whether Kubernetes has given it up: it is Unknown, which no kubelet says, and its kubelet has said something once.</summary>
    public static bool IsGivenUp(JsonObject node) => node.Condition(Ready) is { } ready && ready.Text("status") == "Unknown" && ready.Text("reason") != NeverUpdated;

    /// <summary>What the kubelet says of its node, without times; null: it has said nothing, or something else stands in its place.</summary>
    public static JsonArray? Said(JsonObject node)
    {
        var conditions = s_types.Select(node.Condition).OfType<JsonObject>().ToArray();
        if (node.Condition(Ready) is not { } ready || ready.Text("reason") == Reason || conditions.Any(one => one.Text("status") is not ("True" or "False")))
        {
            return null;
        }

        return new JsonArray([.. conditions.Select(one => (JsonNode)new JsonObject { ["type"] = one.Text("type"), ["status"] = one.Text("status"), ["reason"] = one.Text("reason"), ["message"] = one.Text("message") })]);
    }

    /// <summary>The node with what its kubelet last said, of the same version; null: nothing was written over it.</summary>
    /// <param name="node">As it is; not changed.</param>
    /// <param name="said">What it last said; null: that is not known. It is taken for ready then, as one of whose life there is word; of pressures nothing is said.</param>
    /// <param name="now">The time.</param>
    public static JsonObject? Restored(JsonObject node, JsonArray? said, DateTimeOffset now)
    {
        if (!IsGivenUp(node))
        {
            return null;
        }

        var restored = node.Copy();
        foreach (var type in s_types)
        {
            var last = said?.OfType<JsonObject>().FirstOrDefault(one => one.Text("type") == type);
            if (restored.Condition(type) is not { } condition || condition.Text("status") != "Unknown" || (last is null && type != Ready))
            {
                continue;
            }

            condition["status"] = last.Text("status") ?? "True";
            condition["lastTransitionTime"] = now.ToKubeTime();

            // A kubelet that comes back writes Ready in any case, but pressures only where they changed: a reason of ours would stay there.
            condition["reason"] = type == Ready ? Reason : last.Text("reason");
            condition["message"] = type != Ready ? last.Text("message")
                : last is null ? "the node is cut off; what its kubelet said last is not known, and it is taken for ready"
                : $"the node is cut off; its kubelet said last: {(last.Text("message") is { Length: > 0 } words ? words : last.Text("reason") ?? last.Text("status"))}";
        }

        return restored;
    }

    /// <summary>A pod whose readiness Kubernetes took away when it gave its node up: no kubelet says that without a reason, and its containers are ready by the kubelet's word.</summary>
    public static bool IsUnready(JsonObject pod) =>
        !pod.IsDeleting() && pod.Condition(Ready) is { } ready && ready.Text("status") == "False" && string.IsNullOrEmpty(ready.Text("reason")) && pod.IsTrue("ContainersReady");

    /// <summary>What gives such a pod its readiness back, as a strategic merge, of the same version.</summary>
    public static JsonObject ReadyAgain(JsonObject pod, DateTimeOffset now) => new()
    {
        ["metadata"] = new JsonObject { ["resourceVersion"] = pod.ResourceVersion() },
        ["status"] = new JsonObject { ["conditions"] = new JsonArray(new JsonObject { ["type"] = Ready, ["status"] = "True", ["lastTransitionTime"] = now.ToKubeTime() }) },
    };
}
