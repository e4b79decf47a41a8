using System.Net;
using System.Text.Json.Nodes;
using Ote.Kube.Objects;

namespace Ote.EdgeHub.Upstream;

/// <summary>Which API servers there are: those that were named, and those that the cluster's own endpoints of the Service <c>default/kubernetes</c> tell of. Pure.</summary>
internal static class ServerList
{
    /// <summary>Servers at most, unless more are named.</summary>
    public const int Most = 16;

    private const string PortName = "https";

    /// <summary>The whole list: those that were named stay, and come first.</summary>
    public static IReadOnlyList<Uri> Of(IReadOnlyList<Uri> named, IReadOnlyList<Uri> discovered) => [.. named, .. discovered.Except(named).Take(Math.Max(0, Most - named.Count))];

    /// <summary>The servers that endpoints tell of, by the port that is called <c>https</c>, else the first; addresses that are not ready, and the hub's own, are not among them.</summary>
    /// <param name="endpoints">The Endpoints as the API server has them.</param>
    /// <param name="own">Where the hub itself answers, by its addresses.</param>
    /// <returns>In the order in which they are told; empty: they tell of none, and are not to be believed.</returns>
    public static IReadOnlyList<Uri> Read(JsonObject endpoints, IReadOnlyCollection<IPEndPoint> own) =>
    [
        .. (endpoints.Items("subsets") ?? []).SelectMany(subset => PortOf(subset) is { } port ? (subset.Items("addresses") ?? []).Select(address => At(address.Text("ip"), port)) : [])
            .OfType<IPEndPoint>().Where(server => !own.Any(hub => IsAt(server, hub))).Select(AddressOf).Distinct().Take(Most),
    ];

    /// <summary>A list as it is remembered.</summary>
    public static string Written(IReadOnlyList<Uri> servers) => string.Join('\n', servers);

    /// <summary>The list that was remembered; what cannot be read of it is left out.</summary>
    public static IReadOnlyList<Uri> Parse(string written) =>
        [.. written.Split('\n').Select(line => Uri.TryCreate(line, UriKind.Absolute, out var server) && server.Scheme == Uri.UriSchemeHttps ? server : null).OfType<Uri>().Take(Most)];

    private static int? PortOf(JsonNode? subset)
    {
        var ports = subset.Items("ports") ?? [];
        return (ports.FirstOrDefault(port => port.Text("name") == PortName) ?? ports.FirstOrDefault()).Whole("port") is { } number and > 0 and <= IPEndPoint.MaxPort ? (int)number : null;
    }

    private static bool IsAt(IPEndPoint server, IPEndPoint own) => server.Port == own.Port && (server.Address.Equals(own.Address) || IPAddress.IsLoopback(server.Address));

    private static IPEndPoint? At(string? text, int port) => IPAddress.TryParse(text, out var address) ? new IPEndPoint(address, port) : null;

    /// <summary>As text it has the brackets of IPv6.</summary>
    private static Uri AddressOf(IPEndPoint server) => new($"https://{server}/");
}
