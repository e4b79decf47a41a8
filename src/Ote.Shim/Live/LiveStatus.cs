using System.Buffers;
using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace Ote.Shim.Live;

/// <summary>What Kubernetes clients understand as the reason why a request was not carried out: an object of kind Status.</summary>
internal static class LiveStatus
{
    /// <summary>Answers a request, whose answer has not begun, with a failure.</summary>
    /// <param name="context">The request.</param>
    /// <param name="code">HTTP status.</param>
    /// <param name="reason">One of Kubernetes' reasons.</param>
    /// <param name="message">For people.</param>
    public static async Task WriteAsync(HttpContext context, int code, string reason, string message)
    {
        ArgumentNullException.ThrowIfNull(context);
        context.Response.Clear();
        context.Response.StatusCode = code;
        context.Response.ContentType = "application/json";
        await context.Response.Body.WriteAsync(Encode(code, reason, message), context.RequestAborted).ConfigureAwait(false);
    }

    /// <summary>The object.</summary>
    /// <param name="code">HTTP status.</param>
    /// <param name="reason">One of Kubernetes' reasons.</param>
    /// <param name="message">For people.</param>
    public static ReadOnlyMemory<byte> Encode(int code, string reason, string message)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            writer.WriteString("kind"u8, "Status"u8);
            writer.WriteString("apiVersion"u8, "v1"u8);
            writer.WriteStartObject("metadata"u8);
            writer.WriteEndObject();
            writer.WriteString("status"u8, "Failure"u8);
            writer.WriteString("message"u8, message);
            writer.WriteString("reason"u8, reason);
            writer.WriteNumber("code"u8, code);
            writer.WriteEndObject();
        }

        return buffer.WrittenMemory;
    }
}
