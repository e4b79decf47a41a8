using System.Buffers;
using System.Buffers.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Ote.Kube.Server.Patching.Ownership;

namespace Ote.Kube.Server.Store;

/// <summary>
/// An object as UTF-8 JSON in which <c>metadata.resourceVersion</c> is an empty string whose place is known. The writer of
/// the store learns the revision only inside the transaction; it then splices digits instead of serialising again, and
/// readers hand out stored bytes as they are.
/// </summary>
public readonly struct EncodedObject(byte[] json, int revisionAt)
{
    private static readonly JsonWriterOptions Relaxed = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Length without a revision, in bytes.</summary>
    public int Length => json.Length;

    /// <summary>Encodes an object as it is.</summary>
    public static EncodedObject Of(JsonObject obj) => From(obj);

    /// <summary>
    /// Encodes an object; <c>apiVersion</c>, <c>kind</c> and <c>metadata</c> come first so that readers that need only
    /// these stop early. A resourceVersion already present is dropped.
    /// </summary>
    /// <param name="obj">The object.</param>
    /// <param name="managed">Who owns its fields, in place of its own managedFields; null leaves those.</param>
    internal static EncodedObject From(JsonObject obj, ManagedEntries? managed = null)
    {
        var buffer = new ArrayBufferWriter<byte>(4096);
        using var writer = new Utf8JsonWriter(buffer, Relaxed);
        writer.WriteStartObject();
        WriteIfPresent(writer, obj, "apiVersion");
        WriteIfPresent(writer, obj, "kind");
        var at = WriteMetadata(writer, obj["metadata"] as JsonObject, managed);
        foreach (var (name, value) in obj)
        {
            if (name is "apiVersion" or "kind" or "metadata")
            {
                continue;
            }

            Write(writer, name, value);
        }

        writer.WriteEndObject();
        writer.Flush();
        return new EncodedObject(buffer.WrittenSpan.ToArray(), at);
    }

    /// <summary>The complete JSON at a revision.</summary>
    public byte[] At(long revision)
    {
        Span<byte> digits = stackalloc byte[20];
        Utf8Formatter.TryFormat(revision, digits, out var length);
        var result = new byte[json.Length + length];
        json.AsSpan(0, revisionAt).CopyTo(result);
        digits[..length].CopyTo(result.AsSpan(revisionAt));
        json.AsSpan(revisionAt).CopyTo(result.AsSpan(revisionAt + length));
        return result;
    }

    private static int WriteMetadata(Utf8JsonWriter writer, JsonObject? metadata, ManagedEntries? managed)
    {
        writer.WriteStartObject("metadata");
        // Names, labels and annotations before the long tail of managedFields: early readers look for them.
        foreach (var (name, value) in metadata ?? [])
        {
            if (name is not ("resourceVersion" or "managedFields"))
            {
                Write(writer, name, value);
            }
        }

        writer.WritePropertyName("resourceVersion");
        var at = (int)(writer.BytesCommitted + writer.BytesPending) + 1;
        writer.WriteStringValue("");
        if (managed is { IsNone: false })
        {
            writer.WritePropertyName("managedFields");
            managed.WriteTo(writer);
        }
        else if (managed is null && metadata?["managedFields"] is { } kept)
        {
            Write(writer, "managedFields", kept);
        }

        writer.WriteEndObject();
        return at;
    }

    private static void WriteIfPresent(Utf8JsonWriter writer, JsonObject obj, string name)
    {
        if (obj[name] is { } value)
        {
            Write(writer, name, value);
        }
    }

    private static void Write(Utf8JsonWriter writer, string name, JsonNode? value)
    {
        writer.WritePropertyName(name);
        if (value is null)
        {
            writer.WriteNullValue();
        }
        else
        {
            value.WriteTo(writer);
        }
    }
}
