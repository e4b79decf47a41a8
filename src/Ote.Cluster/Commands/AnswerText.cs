using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json.Nodes;
using System.Text.Unicode;

namespace Ote.Cluster.Commands;

/// <summary>
/// A cluster's answer as fields of a JSON object: text when it is text, else base64. Sizes are those of the written JSON, where a
/// byte may take six: what an API server limits is what it is sent. Pure.
/// </summary>
internal static class AnswerText
{
    private const string Body = "body";
    private const string BodyEncoding = "bodyEncoding";
    private const string Base64 = "base64";
    private const string Truncated = "truncated";

    /// <summary>Writes a body, as much of it as fits, and says when that is not all.</summary>
    /// <param name="item">Where to.</param>
    /// <param name="body">What the cluster answered.</param>
    /// <param name="truncated">It has been cut before.</param>
    /// <param name="most">Bytes of JSON that the body's text may take.</param>
    public static void Write(JsonObject item, ReadOnlySpan<byte> body, bool truncated, int most)
    {
        if (Utf8.IsValid(body))
        {
            var fit = Fitting(body, most);
            truncated |= fit < body.Length;
            item[Body] = Encoding.UTF8.GetString(body[..fit]);
        }
        else
        {
            var fit = Math.Min(body.Length, most / 4 * 3);
            truncated |= fit < body.Length;
            item[Body] = Convert.ToBase64String(body[..fit]);
            item[BodyEncoding] = Base64;
        }

        if (truncated)
        {
            item[Truncated] = true;
        }
    }

    /// <summary>Reads what <see cref="Write"/> wrote.</summary>
    public static (byte[] Body, bool Truncated) Read(JsonObject item)
    {
        var text = item[Body]?.ToString() ?? "";
        var truncated = item[Truncated] is JsonValue value && value.TryGetValue<bool>(out var cut) && cut;
        if (item[BodyEncoding]?.ToString() != Base64)
        {
            return (Encoding.UTF8.GetBytes(text), truncated);
        }

        var bytes = new byte[text.Length];
        return Convert.TryFromBase64String(text, bytes, out var written) ? (bytes[..written], truncated) : ([], true);
    }

    /// <summary>How many bytes of valid UTF-8, up to a character's end, take at most <paramref name="most"/> bytes in JSON.</summary>
    private static int Fitting(ReadOnlySpan<byte> utf8, int most)
    {
        if (utf8.Length <= most / 6)
        {
            return utf8.Length;
        }

        // The encoder that writes requests; servers escape no more than it does.
        var buffer = ArrayPool<byte>.Shared.Rent(most);
        try
        {
            JavaScriptEncoder.Default.EncodeUtf8(utf8, buffer.AsSpan(0, most), out var consumed, out _);
            return consumed;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
