using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Ote.Kube.Objects;

namespace Ote.Cluster.Commands;

/// <summary>
/// Which trace a command runs under, as a W3C <c>traceparent</c> (https://www.w3.org/TR/trace-context/): the one that whoever made the
/// object names in its annotation, else one begun here. What is begun here is computed from the object, so that it is the same after a
/// restart and at each repetition, and whoever has the object knows the trace. Pure.
/// </summary>
internal static class CommandTrace
{
    /// <summary>Annotation with the caller's own context.</summary>
    public const string Annotation = "ote.baidu.com/traceparent";

    /// <summary>The context of a command.</summary>
    /// <param name="obj">The ClusterController object. Its uid without dashes is the trace id when it is a UUID, as those of Kubernetes are.</param>
    public static string Of(JsonObject obj)
    {
        if (obj.Annotation(Annotation) is { } given && ActivityContext.TryParse(given, null, out _))
        {
            return given;
        }

        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(Encoding.UTF8.GetBytes($"{obj.Uid()}.{obj.Generation()}"), hash);
        var trace = Guid.TryParse(obj.Uid(), out var uid) && uid != Guid.Empty ? uid.ToString("N") : Convert.ToHexStringLower(hash[16..]);
        return $"00-{trace}-{Convert.ToHexStringLower(hash[..8])}-01"; // sampled: a command is rare, and someone waits for it
    }
}
