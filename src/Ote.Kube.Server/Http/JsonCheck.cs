using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Unicode;

namespace Ote.Kube.Server.Http;

/// <summary>
/// Refuses what a parser of JSON takes, because it looks into values only when they are read, and nobody can read then: bytes that are no text, halves of
/// surrogate pairs, numbers beyond any type.
/// </summary>
internal static class JsonCheck
{
    /// <summary>Parses what somebody sent; no object of it has a key twice.</summary>
    /// <exception cref="JsonException">It is not JSON, nests too deep, or has such a value.</exception>
    public static JsonNode? Parse(ReadOnlySpan<byte> bytes, int depth)
    {
        if (!Utf8.IsValid(bytes))
        {
            throw new JsonException("it is not UTF-8");
        }

        var reader = new Utf8JsonReader(bytes, new JsonReaderOptions { MaxDepth = depth });
        while (reader.Read())
        {
            switch (reader.TokenType)
            {
                case JsonTokenType.PropertyName or JsonTokenType.String when reader.ValueIsEscaped:
                    Text(ref reader);
                    break;
                case JsonTokenType.Number when !reader.TryGetDouble(out var number) || !double.IsFinite(number):
                    throw new JsonException($"a number at byte {reader.TokenStartIndex} is out of range");
            }
        }

        return JsonNode.Parse(bytes, null, new JsonDocumentOptions { MaxDepth = depth, AllowDuplicateProperties = false });
    }

    private static void Text(ref Utf8JsonReader reader)
    {
        try
        {
            reader.GetString();
        }
        catch (InvalidOperationException half)
        {
            throw new JsonException($"the text at byte {reader.TokenStartIndex} has half of a surrogate pair", half);
        }
    }
}
