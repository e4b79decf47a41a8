using Google.Protobuf;
using Ote.Cluster.Routing;

namespace Ote.Cluster.Messages;

/// <summary>What a message between clusters may be.</summary>
public static class MessageLimits
{
    /// <summary>Bytes of a body, at most.</summary>
    public const int BodyBytes = 256 * 1024;

    /// <summary>Characters of a topic, at most; at least one.</summary>
    public const int TopicLength = 256;

    /// <summary>Characters of a content type, at most.</summary>
    public const int ContentTypeLength = 256;

    /// <summary>How long a message may wait for its target, at most.</summary>
    public static readonly TimeSpan LongestLife = TimeSpan.FromDays(7);

    /// <summary>How long it waits when nothing else is said.</summary>
    public static readonly TimeSpan DefaultLife = TimeSpan.FromHours(1);

    internal const int IdBytes = 16;

    /// <summary>Characters of what is said of a message's fate, at most.</summary>
    internal const int TextLength = 1024;

    /// <summary>What is wrong with a message that is to be sent; null when nothing is.</summary>
    public static string? Fault(string to, string topic, string contentType, int bodyBytes, TimeSpan life) =>
        to != Handling.ClusterControllerOptions.RootName && ClusterName.Check(to) is { } name ? $"to: {name}"
        : topic.Length is 0 or > TopicLength || topic.Any(char.IsControl) ? $"topic: it has 1 to {TopicLength} characters, no control characters"
        : contentType.Length > ContentTypeLength || contentType.Any(char.IsControl) ? $"content type: it has at most {ContentTypeLength} characters, no control characters"
        : bodyBytes > BodyBytes ? $"the body has {bodyBytes} bytes; at most {BodyBytes} are carried: send where to fetch it instead"
        : life <= TimeSpan.Zero || life > LongestLife ? $"ttl: {life} is not between nothing and 7 days"
        : null;

    /// <summary>Whether a message that came over a link is one that a controller makes.</summary>
    internal static bool IsSound(Protocol.Tunnel.ClusterMessage message) =>
        message.Id.Length == IdBytes
        && ClusterName.Check(message.From) is null && ClusterName.Check(message.To) is null
        && message.ContentCase switch
        {
            Protocol.Tunnel.ClusterMessage.ContentOneofCase.Data =>
                message.Data.Topic.Length is > 0 and <= TopicLength && message.Data.ContentType.Length <= ContentTypeLength && message.Data.Body.Length <= BodyBytes,
            Protocol.Tunnel.ClusterMessage.ContentOneofCase.Outcome => message.Outcome.Text.Length <= TextLength,
            _ => false,
        };

    internal static string Text(ByteString id) => Convert.ToHexStringLower(id.Span);
}
