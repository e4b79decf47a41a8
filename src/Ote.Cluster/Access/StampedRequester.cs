using System.Text.Json.Nodes;
using Ote.Kube.Objects;
using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Access;

/// <summary>Who did something to an object, as the embedded API server noted it there. Another API server lets anyone write such annotations: do not ask there.</summary>
internal static class StampedRequester
{
    /// <summary>Reads the annotations <c>KEY</c> and <c>KEY-groups</c>; null when nobody is named.</summary>
    public static Requester? Of(JsonObject obj, string key) => obj.Annotation(key) is { Length: > 0 } user
        ? new Requester { User = user, Groups = { (obj.Annotation(key + "-groups") ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries) } }
        : null;
}
