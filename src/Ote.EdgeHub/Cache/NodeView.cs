using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using Ote.Kube.Objects;
using Ote.Kube.Server.Store;

namespace Ote.EdgeHub.Cache;

/// <summary>
/// How the node sees what leads its pods to the API server: the endpoints of the Service <c>default/kubernetes</c> are the hub, and the authorities that pods are given are the cluster's and the hub's. It is seen so on this node
/// alone; what is stored, and what is told to the API server, is as it is there. Immutable.
/// </summary>
/// <param name="hub">Where pods reach the hub: no loopback address.</param>
/// <param name="authorityPem">The hub's authority.</param>
internal sealed class NodeView(IPEndPoint hub, string authorityPem)
{
    private const string AuthorityKey = "ca.crt";

    /// <summary>Whether objects of a kind can look different here.</summary>
    /// <param name="resource"><c>group/plural</c>.</param>
    public static bool Concerns(string resource) => resource is "/endpoints" or "discovery.k8s.io/endpointslices" or "/configmaps" or "/secrets";

    /// <summary>An object as it is seen here: the same bytes where there is nothing to see differently.</summary>
    public byte[] Of(StoreKey key, byte[] json) => key.Resource switch
    {
        "/endpoints" when key is { Namespace: "default", Name: "kubernetes" } => Changed(json, Lead),
        "discovery.k8s.io/endpointslices" when key.Namespace == "default" && Holds(json, "\"kubernetes.io/service-name\""u8) => Changed(json, LeadSlice),
        "/configmaps" when key.Name == "kube-root-ca.crt" => Changed(json, TrustPlain),
        "/secrets" when Holds(json, "\"kubernetes.io/service-account-token\""u8) => Changed(json, TrustEncoded),
        _ => json,
    };

    private static bool Holds(byte[] json, ReadOnlySpan<byte> text) => json.AsSpan().IndexOf(text) >= 0;

    private static byte[] Changed(byte[] json, Action<JsonObject> change)
    {
        if (JsonNode.Parse(json) is not JsonObject obj)
        {
            return json;
        }

        change(obj);
        return Encoding.UTF8.GetBytes(obj.ToJsonString());
    }

    private void Lead(JsonObject endpoints) => endpoints["subsets"] = new JsonArray(new JsonObject
    {
        ["addresses"] = new JsonArray(new JsonObject { ["ip"] = $"{hub.Address}" }),
        ["ports"] = new JsonArray(Port()),
    });

    private void LeadSlice(JsonObject slice)
    {
        var type = hub.AddressFamily == AddressFamily.InterNetwork ? "IPv4" : "IPv6";
        if (slice.Text("metadata", "labels", "kubernetes.io/service-name") == "kubernetes" && slice.Text("addressType") == type)
        {
            slice["endpoints"] = new JsonArray(new JsonObject { ["addresses"] = new JsonArray($"{hub.Address}"), ["conditions"] = new JsonObject { ["ready"] = true } });
            slice["ports"] = new JsonArray(Port());
        }
    }

    private JsonObject Port() => new() { ["name"] = "https", ["port"] = hub.Port, ["protocol"] = "TCP" };

    private void TrustPlain(JsonObject map)
    {
        if (map["data"] is JsonObject data && data.Text(AuthorityKey) is { } authorities)
        {
            data[AuthorityKey] = With(authorities);
        }
    }

    private void TrustEncoded(JsonObject secret)
    {
        if (secret["data"] is JsonObject data && data.Text(AuthorityKey) is { } encoded)
        {
            data[AuthorityKey] = Convert.ToBase64String(Encoding.UTF8.GetBytes(With(Encoding.UTF8.GetString(Convert.FromBase64String(encoded)))));
        }
    }

    private string With(string authorities) => $"{authorities.TrimEnd('\n')}\n{authorityPem.Trim()}\n";
}
