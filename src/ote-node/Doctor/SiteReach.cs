using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;
using Ote.Kube.Objects;
using Ote.Node.Install;

namespace Ote.Node.Doctor;

/// <summary>Whether the other nodes of its site reach a node's hub, without which none of them can say whether it lives.</summary>
internal static class SiteReach
{
    private const string Label = "ote.baidu.com/site";

    /// <summary>That they do not; null: they do, or the node has no site. Pure.</summary>
    /// <param name="site">The node's site; null: none, or it is not known.</param>
    /// <param name="unit">The hub's unit.</param>
    public static string? Missing(string? site, string unit) =>
        site is null || HubUnit.ListenOf(unit) is not { } listen ? null
        : IPAddress.IsLoopback(listen.Address) ? $"this node has label {Label}={site}, and its hub listens at loopback: no other node can say whether it lives; install it with -- --listen NODE-ADDRESS:{listen.Port}"
        : (listen.Address.Equals(IPAddress.Any) || listen.Address.Equals(IPAddress.IPv6Any)) && !HubUnit.ValuesOf(unit, "--advertise").Any()
            ? $"this node has label {Label}={site}, and its hub listens everywhere without saying where: no other node can say whether it lives; install it with -- --advertise NODE-ADDRESS:{listen.Port} too"
        : null;

    /// <summary>Where a hub is asked for a Node.</summary>
    public static string Path(string node) => $"api/v1/nodes/{node}";

    /// <summary>The site that a Node names; null: none, or the hub or the API server did not answer, which is said where they are looked at.</summary>
    /// <param name="answer">What the hub answered to <see cref="Path"/>.</param>
    public static string? SiteOf(BriefAnswer answer)
    {
        try
        {
            return answer.Succeeded ? (JsonNode.Parse(answer.Body) as JsonObject)?.Labels().Text(Label) : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
