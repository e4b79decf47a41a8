using Google.Protobuf;

namespace Ote.Cluster.Handling;

/// <summary>Bounds what a receipt carries, whatever a shim says: a receipt larger than a link's message could never leave. Pure.</summary>
internal static class ReceiptBody
{
    /// <summary>Most bytes of a cluster's answer that travel.</summary>
    public const int MaxBytes = 1024 * 1024;

    /// <summary>Most characters of an explanation.</summary>
    public const int MaxText = 4096;

    private const int MaxContentType = 256;

    /// <summary>As much of a body as travels, and whether that is less than all. Text is cut between characters.</summary>
    /// <param name="body">What a cluster answered.</param>
    /// <param name="most">Bytes that are wanted of it.</param>
    public static (ByteString Body, bool Truncated) Fit(ByteString body, int most = MaxBytes)
    {
        if (body.Length <= most)
        {
            return (body, false);
        }

        var end = most;
        while (end > Math.Max(0, most - 4) && (body[end] & 0xC0) == 0x80)
        {
            end--;
        }

        return (ByteString.CopyFrom(body.Span[..end]), true);
    }

    /// <summary>As much of an explanation as travels.</summary>
    public static string Text(string text) => Clip(text, MaxText);

    /// <summary>A content type that is no novel.</summary>
    public static string ContentType(string type) => Clip(type, MaxContentType);

    /// <summary>The beginning of a text, cut between characters.</summary>
    public static string Clip(string text, int most)
    {
        if (text.Length <= most)
        {
            return text;
        }

        var end = most - 1;
        return string.Concat(text.AsSpan(0, char.IsHighSurrogate(text[end - 1]) ? end - 1 : end), "…");
    }
}
