using System.Diagnostics;
using Google.Protobuf;
using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Tunnel;

/// <summary>
/// A message encoded, and where it pays compressed, once for any number of links. Each link adds only its sequence. Thread-safe.
/// </summary>
public sealed class SharedMessage
{
    private const int TraceIdEnd = 2 + 1 + 32; // version, dash, trace id

    private object? packing;
    private byte[]? packed;
    private bool isPacked;

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

    /// <summary>The compressed form, made at most once for all links; null when it does not pay.</summary>
    internal byte[]? Packed => LazyInitializer.EnsureInitialized(ref packed, ref isPacked, ref packing, () => Packing.TryPack(Body) ?? []) is { Length: > 0 } bytes ? bytes : null;

    /// <summary>
    /// Encodes a message for the next hop: one hop more, an id when it has none, the current activity's trace context unless
    /// the message belongs to another trace. The message itself stays untouched, so fields this build does not know survive: protobuf takes the last value of a
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
        if (Activity.Current is { IdFormat: ActivityIdFormat.W3C, Id: { } trace } && Continues(trace, message)) head.Traceparent = trace;
        int own = message.CalculateSize();
        int added = head.CalculateSize();
        byte[] body = new byte[own + added];
        message.WriteTo(body.AsSpan(0, own));
        head.WriteTo(body.AsSpan(own, added));
        return new SharedMessage(message.Lane, body);
    }

    // What has a trace keeps to it, whatever the code that sends it happens to run under.
    private static bool Continues(string current, Message message)
    {
        string own = message.Traceparent is { Length: > 0 } hop ? hop : message.Command?.Traceparent ?? "";
        return own.Length == 0 || own.AsSpan().StartsWith(current.AsSpan(0, TraceIdEnd), StringComparison.Ordinal);
    }
}
