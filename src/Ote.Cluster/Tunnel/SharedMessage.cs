using System.Diagnostics;
using Google.Protobuf;
using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Tunnel;

/// <summary>
/// A message encoded once for any number of links. Each link adds only its sequence. Immutable.
/// </summary>
public sealed class SharedMessage
{
    private SharedMessage(Lane lane, byte[] body)
    {
        Lane = lane;
        Body = body;
    }

    /// <summary>The lane it travels on.</summary>
    public Lane Lane { get; }

    /// <summary>Encoded bytes, before what a link adds.</summary>
    public int Size => Body.Length;

    internal byte[] Body { get; }

    /// <summary>
    /// Encodes a message for the next hop: one hop more, an id when it has none, the current activity's trace context when it has
    /// none. The message itself stays untouched, so fields this build does not know survive: protobuf takes the last value of a
    /// field, and what is set here follows the message's own.
    /// </summary>
    internal static SharedMessage Create(Message message, MessageIds ids)
    {
        ArgumentNullException.ThrowIfNull(message);
        if (message.Lane is < Lane.Control or > Lane.Bulk) throw new ArgumentException($"the message has no lane ({message.Lane}); set Message.Lane", nameof(message));
        if (message.PayloadCase == Message.PayloadOneofCase.None) throw new ArgumentException("the message has no payload", nameof(message));
        if (message.Id.Length is not 0 and not ProtocolLimits.MessageIdBytes)
        {
            throw new ArgumentException($"the message's id has {message.Id.Length} bytes; {ProtocolLimits.MessageIdBytes} or none are allowed", nameof(message));
        }

        Message head = new() { Hops = message.Hops + 1 };
        if (message.Id.IsEmpty) head.Id = ids.Next();
        if (message.Traceparent.Length == 0 && Activity.Current is { IdFormat: ActivityIdFormat.W3C, Id: { } trace }) head.Traceparent = trace;
        int own = message.CalculateSize();
        int added = head.CalculateSize();
        byte[] body = new byte[own + added];
        message.WriteTo(body.AsSpan(0, own));
        head.WriteTo(body.AsSpan(own, added));
        return new SharedMessage(message.Lane, body);
    }
}
