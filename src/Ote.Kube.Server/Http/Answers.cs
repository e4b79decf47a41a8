using System.Buffers;
using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;

namespace Ote.Kube.Server.Http;

/// <summary>Writes answers.</summary>
internal static class Answers
{
    public static readonly JsonWriterOptions Relaxed = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Sends bytes that are JSON already.</summary>
    public static Task JsonAsync(HttpContext context, int code, ReadOnlyMemory<byte> json, string contentType = "application/json") =>
        JsonAsync(context, code, json, contentType, json.Length);

    private static Task JsonAsync(HttpContext context, int code, ReadOnlyMemory<byte> json, string contentType, long length)
    {
        var response = context.Response;
        response.StatusCode = code;
        response.ContentType = contentType;
        response.ContentLength = length;
        response.Headers.CacheControl = "no-cache, private";
        return HttpMethods.IsHead(context.Request.Method) ? Task.CompletedTask : response.BodyWriter.WriteAsync(json, context.RequestAborted).AsTask();
    }

    /// <summary>Sends two parts of one JSON text.</summary>
    public static async Task JsonAsync(HttpContext context, int code, ReadOnlyMemory<byte> head, ReadOnlyMemory<byte> rest)
    {
        await JsonAsync(context, code, head, "application/json", head.Length + rest.Length).ConfigureAwait(false);
        if (!HttpMethods.IsHead(context.Request.Method))
        {
            await context.Response.BodyWriter.WriteAsync(rest, context.RequestAborted).ConfigureAwait(false);
        }
    }

    /// <summary>Sends an object.</summary>
    public static Task JsonAsync(HttpContext context, int code, JsonObject json, string contentType = "application/json") =>
        JsonAsync(context, code, Bytes(json), contentType);

    /// <summary>Sends plain text.</summary>
    public static Task TextAsync(HttpContext context, int code, string text) =>
        JsonAsync(context, code, System.Text.Encoding.UTF8.GetBytes(text), "text/plain; charset=utf-8");

    /// <summary>Sends an error as a Status; when the answer has begun already, the connection is cut instead.</summary>
    public static Task ErrorAsync(HttpContext context, ApiError error)
    {
        if (context.Response.HasStarted)
        {
            context.Abort();
            return Task.CompletedTask;
        }

        if (error.RetryAfterSeconds > 0)
        {
            context.Response.Headers.RetryAfter = error.RetryAfterSeconds.ToString(CultureInfo.InvariantCulture);
        }

        return JsonAsync(context, error.Code, error.ToStatus());
    }

    /// <summary>Compact UTF-8.</summary>
    public static byte[] Bytes(JsonNode json)
    {
        var buffer = new ArrayBufferWriter<byte>(512);
        using (var writer = new Utf8JsonWriter(buffer, Relaxed))
        {
            json.WriteTo(writer);
        }

        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>Adds a <c>Warning</c> header, which kubectl shows to its user.</summary>
    public static void Warn(HttpContext context, string text)
    {
        const int MaxWarnings = 16;
        var clean = string.Concat(text.Where(c => !char.IsControl(c)).Select(c => c is '"' or '\\' ? $"\\{c}" : $"{c}"));
        if (clean.All(char.IsAscii) && context.Response.Headers.Warning.Count < MaxWarnings)
        {
            context.Response.Headers.Append("Warning", $"299 - \"{clean}\"");
        }
    }
}
