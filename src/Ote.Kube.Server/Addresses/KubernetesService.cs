using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;

namespace Ote.Kube.Server.Addresses;

/// <summary>The Service <c>kubernetes</c> of namespace default, by which pods reach their API server, and what stands behind it; as kube-apiserver writes them. Pure.</summary>
internal static class KubernetesService
{
    public const string Name = "kubernetes";
    public const string Namespace = "default";
    private const int Port = 443;
    private const string PortName = "https";

    /// <summary>Whether others can reach a server at an address: at one of the machine itself nobody can.</summary>
    public static bool IsReachable(IPAddress address) => !IPAddress.IsLoopback(address) && !IsAny(address);

    /// <summary>Whether a server listens at each of the machine's addresses.</summary>
    public static bool IsAny(IPAddress address) => address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any);

    /// <summary>The Service.</summary>
    /// <param name="clusterIP">The address it asks for; null: any, or none where nobody deals them out.</param>
    /// <param name="port">Where the server listens.</param>
    public static JsonObject Service(string? clusterIP, int port)
    {
        var spec = Spec(port);
        spec["type"] = "ClusterIP";
        if (clusterIP is not null)
        {
            spec["clusterIP"] = clusterIP;
        }

        return new JsonObject
        {
            ["metadata"] = new JsonObject { ["name"] = Name, ["labels"] = new JsonObject { ["component"] = "apiserver", ["provider"] = "kubernetes" } },
            ["spec"] = spec,
        };
    }

    /// <summary>What of the Service's spec is kept as it is to be: its ports.</summary>
    public static JsonObject Spec(int port) => new()
    {
        ["ports"] = new JsonArray(new JsonObject { ["name"] = PortName, ["port"] = Port, ["protocol"] = "TCP", ["targetPort"] = port }),
    };

    /// <summary>The Endpoints of a server that others reach at <paramref name="at"/>.</summary>
    public static JsonObject Endpoints(IPEndPoint at) => new()
    {
        ["metadata"] = new JsonObject { ["name"] = Name, ["labels"] = new JsonObject { ["endpointslice.kubernetes.io/skip-mirror"] = "true" } },
        ["subsets"] = new JsonArray(new JsonObject
        {
            ["addresses"] = new JsonArray(new JsonObject { ["ip"] = at.Address.ToString() }),
            ["ports"] = new JsonArray(new JsonObject { ["name"] = PortName, ["port"] = at.Port, ["protocol"] = "TCP" }),
        }),
    };

    /// <summary>The EndpointSlice of a server that others reach at <paramref name="at"/>.</summary>
    public static JsonObject Slice(IPEndPoint at) => new()
    {
        ["metadata"] = new JsonObject { ["name"] = Name, ["labels"] = new JsonObject { ["kubernetes.io/service-name"] = Name } },
        ["addressType"] = at.AddressFamily == AddressFamily.InterNetworkV6 ? "IPv6" : "IPv4",
        ["endpoints"] = new JsonArray(new JsonObject
        {
            ["addresses"] = new JsonArray(at.Address.ToString()),
            ["conditions"] = new JsonObject { ["ready"] = true },
        }),
        ["ports"] = new JsonArray(new JsonObject { ["name"] = PortName, ["port"] = at.Port, ["protocol"] = "TCP" }),
    };
}
