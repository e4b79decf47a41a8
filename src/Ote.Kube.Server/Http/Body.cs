using System.Buffers;
using System.IO.Pipelines;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Ote.Kube.Objects;
using Ote.Kube.Server.Http.Protobuf;

namespace Ote.Kube.Server.Http;

/// <summary>Reads request bodies within limits. What cannot be read is the client's fault and says why.</summary>
internal static class Body
{
    private static readonly string[] Writable = ["application/json", "application/yaml", ProtobufBody.MediaType];

    /// <summary>The media type without its parameters, lower case; empty when absent.</summary>
    public static string MediaType(HttpRequest request)
    {
        var type = request.ContentType ?? "";
        var end = type.IndexOf(';', StringComparison.Ordinal);
        return (end < 0 ? type : type[..end]).Trim().ToLowerInvariant();
    }

    /// <summary>Reads the whole body.</summary>
    /// <exception cref="ApiError">413 beyond the limit, 415 when it is compressed.</exception>
    public static async ValueTask<byte[]> ReadAsync(HttpRequest request, long limit, CancellationToken cancellation)
    {
        if (request.Headers.ContentEncoding.Count > 0 && request.Headers.ContentEncoding != "identity")
        {
            throw new ApiError(415, "UnsupportedMediaType", $"Content-Encoding {request.Headers.ContentEncoding} is not supported");
        }

        if (request.ContentLength > limit)
        {
            throw ApiError.TooLarge(limit);
        }

        var reader = request.BodyReader;
        while (true)
        {
            ReadResult result;
            try
            {
                result = await reader.ReadAsync(cancellation).ConfigureAwait(false);
            }
            catch (BadHttpRequestException bad)
            {
                throw bad.StatusCode == 413 ? ApiError.TooLarge(limit) : ApiError.BadRequest($"the body cannot be read: {bad.Message}");
            }

            if (result.Buffer.Length > limit)
            {
                reader.AdvanceTo(result.Buffer.End);
                throw ApiError.TooLarge(limit);
            }

            if (result.IsCompleted)
            {
                var bytes = result.Buffer.ToArray();
                reader.AdvanceTo(result.Buffer.End);
                return bytes;
            }

            reader.AdvanceTo(result.Buffer.Start, result.Buffer.End);
        }
    }

    /// <summary>An object in JSON, YAML or protobuf, by its content type.</summary>
    /// <exception cref="ApiError">400 or 415.</exception>
    public static JsonObject ParseObject(byte[] bytes, string mediaType, int depth)
    {
        var node = mediaType switch
        {
            "" or "application/json" or "*/*" => ParseJson(bytes, depth),
            "application/yaml" => ParseYaml(bytes, depth),
            ProtobufBody.MediaType => ProtobufBody.Read(bytes, depth),
            _ => throw ApiError.UnsupportedMediaType(Writable),
        };
        return node as JsonObject ?? throw ApiError.BadRequest("the body of the request must be an object");
    }

    /// <summary>JSON in which no object has a key twice and everything can be read.</summary>
    public static JsonNode? ParseJson(ReadOnlySpan<byte> bytes, int depth)
    {
        if (bytes.IsEmpty)
        {
            throw ApiError.BadRequest("the body of the request is empty");
        }

        try
        {
            return JsonCheck.Parse(bytes, depth);
        }
        catch (JsonException bad)
        {
            throw ApiError.BadRequest($"the object provided is unrecognized (must be of type JSON or YAML): {bad.Message}");
        }
    }

    /// <summary>YAML; JSON is a part of it and read as such.</summary>
    public static JsonNode ParseYaml(byte[] bytes, int depth)
    {
        try
        {
            return Yaml.ReadObject(new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(bytes), depth);
        }
        catch (Exception bad) when (bad is FormatException or DecoderFallbackException)
        {
            throw ApiError.BadRequest($"error parsing YAML: {bad.Message}");
        }
    }
}
