using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using Ote.EdgeCluster.Runtimes;
using Ote.Kube.Objects;

namespace Ote.EdgeCluster.Nodes;

/// <summary>A Node object and its Lease, from what the runtime says. Pure.</summary>
internal static class NodeStatus
{
    /// <summary>The namespace Kubernetes keeps node leases in.</summary>
    public const string LeaseNamespace = "kube-node-lease";

    /// <summary>A node that is registered for the first time.</summary>
    public static JsonObject NewNode(string name, RuntimeNode runtime, DateTimeOffset now)
    {
        var labels = new JsonObject
        {
            ["kubernetes.io/hostname"] = name,
            ["kubernetes.io/os"] = "linux",
            ["kubernetes.io/arch"] = Architecture,
        };
        foreach (var (key, value) in runtime.Labels)
        {
            labels[key] = value;
        }

        var annotations = new JsonObject();
        foreach (var (key, value) in runtime.Annotations)
        {
            annotations[key] = value;
        }

        var node = new JsonObject
        {
            ["apiVersion"] = Kinds.Nodes.ApiVersion,
            ["kind"] = Kinds.Nodes.Kind,
            ["metadata"] = new JsonObject { ["name"] = name, ["labels"] = labels, ["annotations"] = annotations },
            ["spec"] = new JsonObject { ["podCIDR"] = runtime.PodRange, ["podCIDRs"] = new JsonArray(runtime.PodRange), ["providerID"] = $"ote://{name}" },
        };
        node["status"] = Status(node, runtime, now);
        return node;
    }

    /// <summary>The status a node should show; the same as before when nothing but time has passed.</summary>
    public static JsonObject Status(JsonObject node, RuntimeNode runtime, DateTimeOffset now)
    {
        var status = (node["status"] as JsonObject ?? []).Copy();
        status["capacity"] = runtime.Capacity();
        status["allocatable"] = runtime.Capacity();
        status["addresses"] = new JsonArray(
            new JsonObject { ["type"] = "InternalIP", ["address"] = runtime.Address },
            new JsonObject { ["type"] = "Hostname", ["address"] = node.Name() });
        status["nodeInfo"] = new JsonObject
        {
            ["architecture"] = Architecture,
            ["bootID"] = "",
            ["containerRuntimeVersion"] = runtime.RuntimeVersion,
            ["kernelVersion"] = "none",
            ["kubeProxyVersion"] = "",
            ["kubeletVersion"] = "v0.1.0-ote",
            ["machineID"] = "",
            ["operatingSystem"] = "linux",
            ["osImage"] = runtime.OsImage,
            ["systemUUID"] = "",
        };
        var ready = runtime.Trouble is null;
        if (Conditions.SetCondition(status, "Ready", ready, ready ? "RuntimeReady" : "RuntimeNotReady", runtime.Trouble ?? runtime.ReadyMessage, now))
        {
            status.Items("conditions")!.OfType<JsonObject>().First(c => c.Text("type") == "Ready")["lastHeartbeatTime"] = now.ToKubeTime();
        }

        return status;
    }

    /// <summary>The lease of a node, renewed now.</summary>
    /// <param name="name">The node's name.</param>
    /// <param name="nodeUid">The node that owns it.</param>
    /// <param name="every">How often it is renewed; it lasts four times as long.</param>
    /// <param name="now">The time of renewal.</param>
    public static JsonObject Lease(string name, string nodeUid, TimeSpan every, DateTimeOffset now) => new()
    {
        ["apiVersion"] = Kinds.Leases.ApiVersion,
        ["kind"] = Kinds.Leases.Kind,
        ["metadata"] = new JsonObject
        {
            ["name"] = name,
            ["namespace"] = LeaseNamespace,
            ["ownerReferences"] = new JsonArray(
                new JsonObject { ["apiVersion"] = Kinds.Nodes.ApiVersion, ["kind"] = Kinds.Nodes.Kind, ["name"] = name, ["uid"] = nodeUid }),
        },
        ["spec"] = new JsonObject
        {
            ["holderIdentity"] = name,
            ["leaseDurationSeconds"] = (int)(4 * every.TotalSeconds),
            ["renewTime"] = now.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", System.Globalization.CultureInfo.InvariantCulture),
        },
    };

    private static string Architecture => RuntimeInformation.ProcessArchitecture == System.Runtime.InteropServices.Architecture.Arm64 ? "arm64" : "amd64";
}
