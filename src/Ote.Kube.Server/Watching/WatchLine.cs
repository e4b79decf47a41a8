using System.Buffers;
using Ote.Kube.Server.Http;
using Ote.Kube.Server.Schema;
using Ote.Kube.Server.Store;

namespace Ote.Kube.Server.Watching;

/// <summary>One event of a watch as it is sent: a JSON object and a line feed. Immutable.</summary>
internal sealed class WatchLine
{
    private readonly KindInfo _kind;
    private readonly string _type;

    private WatchLine(KindInfo kind, string type, byte[] bytes)
    {
        (_kind, _type) = (kind, type);
        Bytes = bytes;
    }

    /// <summary>UTF-8.</summary>
    public ReadOnlyMemory<byte> Bytes { get; }

    /// <summary>What a change's object is sent as: encoded once for all watchers that see it alike.</summary>
    public static WatchLine Of(Change change, KindInfo kind, string type)
    {
        if (change.Line is { } made && made._kind == kind && made._type == type)
        {
            return made;
        }

        var json = ObjectForm.InVersion(change.Json, kind).Span;
        var buffer = new ArrayBufferWriter<byte>(json.Length + 40);
        Write(buffer, type, json);
        var line = new WatchLine(kind, type, buffer.WrittenSpan.ToArray());
        change.Line = line;
        return line;
    }

    /// <summary>Writes an event that is nobody else's.</summary>
    public static void Write(IBufferWriter<byte> writer, string type, ReadOnlySpan<byte> json)
    {
        writer.Write("{\"type\":\""u8);
        writer.Write(System.Text.Encoding.UTF8.GetBytes(type));
        writer.Write("\",\"object\":"u8);
        writer.Write(json);
        writer.Write("}\n"u8);
    }
}
