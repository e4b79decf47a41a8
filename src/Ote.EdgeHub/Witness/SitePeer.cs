using System.Text.Json.Nodes;
using Ote.Kube.Objects;

namespace Ote.EdgeHub.Witness;

/// <summary>A node of a site, as its own Node says: only its own kubelet may write there.</summary>
/// <param name="Name">The node.</param>
/// <param name="Hub">Where its hub is reached; null: it has none, or has not said yet.</param>
/// <param name="Authority">The hub's authority: DER in base64.</param>
internal sealed record SitePeer(string Name, Uri? Hub, string Authority)
{
    /// <summary>The label that says at which site a node is.</summary>
    public const string SiteLabel = "ote.baidu.com/site";

    /// <summary>The annotation for <see cref="Hub"/>.</summary>
    public const string HubAnnotation = "ote.baidu.com/edgehub";

    /// <summary>The annotation for <see cref="Authority"/>.</summary>
    public const string AuthorityAnnotation = "ote.baidu.com/edgehub-ca";

    /// <summary>Reads it off a Node, or off its metadata.</summary>
    public static SitePeer Of(JsonObject node) => new(
        node.Name(), Uri.TryCreate(node.Annotation(HubAnnotation), UriKind.Absolute, out var hub) && hub.Scheme == Uri.UriSchemeHttps ? hub : null, node.Annotation(AuthorityAnnotation) ?? "");
}
