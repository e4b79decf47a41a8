using System.Net.WebSockets;
using Google.Protobuf;
using Ote.Cluster.Tunnel;
using Ote.Protocol.Tunnel;

namespace Ote.Tests.Cluster.Tunnel;

/// <summary>What a peer with a good certificate may send to hurt, by name, and the rule each breaks.</summary>
internal static class HostilePackets
{
    public static TheoryData<string, string> Attacks => new()
    {
        { "empty packet", "EmptyPacket" },
        { "random bytes", "Malformed" },
        { "truncated frame", "Malformed" },
        { "giant length", "Malformed" },
        { "text", "NotBinary" },
        { "packet above the limit", "PacketTooLarge" },
        { "empty message", "UnknownLane" },
        { "message without id", "BadMessageId" },
        { "unknown lane", "UnknownLane" },
        { "sequence gap", "SequenceGap" },
        { "sequence 0", "SequenceGap" },
        { "second hello", "UnexpectedFrame" },
        { "second welcome", "UnexpectedFrame" },
        { "late refusal", "UnexpectedFrame" },
        { "ack of nothing", "AckBeyondSent" },
        { "giant announced message", "MessageTooLarge" },
        { "chunk from the middle", "BadChunk" },
        { "chunk beyond its total", "BadChunk" },
        { "empty chunk", "BadChunk" },
        { "message between chunks", "BadChunk" },
        { "compressed rubbish", "BadCompression" },
        { "compressed bomb", "BadCompression" },
        { "compressed by another method", "BadCompression" },
        { "giant announced compressed message", "MessageTooLarge" },
        { "giant announced compressed chunk", "MessageTooLarge" },
    };

    public static (byte[] Bytes, WebSocketMessageType Type) Of(string attack)
    {
        Message message = TestMessages.Text("x");
        message.Sequence = 1;
        message.Id = ByteString.CopyFrom(new byte[16]);
        Chunk chunk = new() { Lane = Lane.Bulk, Sequence = 1, TotalBytes = 10, Part = ByteString.CopyFrom(new byte[4]) };
        Packed packed = new() { Lane = Lane.Bulk, Sequence = 1, Method = Compression.Brotli, OriginalBytes = 5000, Body = ByteString.CopyFrom(0xDE, 0xAD, 0xBE, 0xEF) };
        byte[] bytes = attack switch
        {
            "empty packet" => [],
            "random bytes" => [0xDE, 0xAD, 0xBE, 0xEF, 0xDE, 0xAD, 0xBE, 0xEF],
            "truncated frame" => [0x32, 0x10, 0x08],
            "giant length" => [0x32, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01],
            "text" => "hello"u8.ToArray(),
            "packet above the limit" => new byte[70_000],
            "empty message" => Packet(Frame.KindOneofCase.Message, new Message()),
            "message without id" => Packet(Frame.KindOneofCase.Message, With(message, m => m.Id = ByteString.Empty)),
            "unknown lane" => Packet(Frame.KindOneofCase.Message, With(message, m => m.Lane = (Lane)77)),
            "sequence gap" => Packet(Frame.KindOneofCase.Message, With(message, m => m.Sequence = 3)),
            "sequence 0" => Packet(Frame.KindOneofCase.Message, With(message, m => m.Sequence = 0)),
            "second hello" => Packet(Frame.KindOneofCase.Hello, new Hello { Name = "good" }),
            "second welcome" => Packet(Frame.KindOneofCase.Welcome, new Welcome { Name = "good" }),
            "late refusal" => Packet(Frame.KindOneofCase.Refuse, new Refuse { Never = true }),
            "ack of nothing" => Packet(Frame.KindOneofCase.Ack, new Ack { Received = { new LaneCursor { Lane = Lane.Work, Sequence = 5 } } }),
            "giant announced message" => Packet(Frame.KindOneofCase.Chunk, With(chunk, c => c.TotalBytes = uint.MaxValue)),
            "chunk from the middle" => Packet(Frame.KindOneofCase.Chunk, With(chunk, c => c.Index = 3)),
            "chunk beyond its total" => Packet(Frame.KindOneofCase.Chunk, With(chunk, c => c.TotalBytes = 3)),
            "empty chunk" => Packet(Frame.KindOneofCase.Chunk, With(chunk, c => c.Part = ByteString.Empty)),
            "compressed rubbish" => Packet(Frame.KindOneofCase.Packed, packed),
            "compressed bomb" => Packet(Frame.KindOneofCase.Packed, With(packed, p => p.Body = ByteString.CopyFrom(Packing.TryPack(new byte[4_000_000])!))),
            "compressed by another method" => Packet(Frame.KindOneofCase.Packed, With(packed, p => p.Method = (Compression)9)),
            "giant announced compressed message" => Packet(Frame.KindOneofCase.Packed, With(packed, p => p.OriginalBytes = uint.MaxValue)),
            "giant announced compressed chunk" => Packet(Frame.KindOneofCase.Chunk, With(chunk, c => (c.Method, c.OriginalBytes) = (Compression.Brotli, uint.MaxValue))),
            "message between chunks" => [.. Packet(Frame.KindOneofCase.Chunk, chunk), .. Packet(Frame.KindOneofCase.Message, With(message, m => m.Lane = Lane.Bulk))],
            _ => throw new ArgumentOutOfRangeException(nameof(attack), attack, null),
        };
        return (bytes, attack == "text" ? WebSocketMessageType.Text : WebSocketMessageType.Binary);
    }

    public static byte[] Packet(Frame.KindOneofCase kind, IMessage body) => FrameWriter.Packet(kind, body);

    private static T With<T>(T message, Action<T> change)
    {
        change(message);
        return message;
    }
}
