using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Ote.Kube.Objects;

namespace Ote.EdgeHub.Witness;

/// <summary>A node of a site, as its own Node says: only its own kubelet may write there.</summary>
/// <param name="Name">The node.</param>
/// <param name="Hub">Where its hub is reached; null: it has none, or has not said yet.</param>
/// <param name="Pin">Which authority the hub is known by (<see cref="PinOf"/>): the hub itself hands that out. So Nodes stay small, of which a site reads all.</param>
internal sealed record SitePeer(string Name, Uri? Hub, string Pin)
{
    /// <summary>The label that says at which site a node is.</summary>
    public const string SiteLabel = "ote.baidu.com/site";

    /// <summary>The annotation for <see cref="Hub"/>.</summary>
    public const string HubAnnotation = "ote.baidu.com/edgehub";

    /// <summary>The annotation for <see cref="Pin"/>.</summary>
    public const string PinAnnotation = "ote.baidu.com/edgehub-ca-sha256";

    /// <summary>The annotation in which a node says which others it reaches.</summary>
    public const string WitnessAnnotation = "ote.baidu.com/witness";

    /// <summary>Reads it off a Node, or off its metadata.</summary>
    public static SitePeer Of(JsonObject node) => new(
        node.Name(), Uri.TryCreate(node.Annotation(HubAnnotation), UriKind.Absolute, out var hub) && hub.Scheme == Uri.UriSchemeHttps ? hub : null, node.Annotation(PinAnnotation) ?? "");

    /// <summary>SHA-256 of a certificate in DER, in base64.</summary>
    public static string PinOf(ReadOnlySpan<byte> certificate) => Convert.ToBase64String(SHA256.HashData(certificate));
}
