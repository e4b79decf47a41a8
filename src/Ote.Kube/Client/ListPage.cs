using System.Text.Json;
using System.Text.Json.Nodes;
using Ote.Kube.Objects;

namespace Ote.Kube.Client;

/// <summary>
/// One page of a list. Its objects are read one by one, each into memory of its own: read whole, the page would be held until its last object is let go, and what a parser needs for a large text is kept in pools for minutes.
/// </summary>
/// <param name="Items">The objects, as the server sent them.</param>
/// <param name="ResourceVersion">The list's version; empty when there is none.</param>
/// <param name="Continue">Where the next page begins; null: this is the last.</param>
internal sealed record ListPage(IReadOnlyList<JsonObject> Items, string ResourceVersion, string? Continue)
{
    /// <summary>Reads a page; null when it is JSON, but no object.</summary>
    /// <exception cref="JsonException">It is no JSON.</exception>
    public static ListPage? Read(ReadOnlySpan<byte> json)
    {
        var items = new List<JsonObject>();
        var (version, next) = ("", (string?)null);
        var reader = new Utf8JsonReader(json);
        reader.Read();
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            return null;
        }

        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var isItems = reader.ValueTextEquals("items"u8);
            var isMetadata = reader.ValueTextEquals("metadata"u8);
            reader.Read();
            if (isItems && reader.TokenType == JsonTokenType.StartArray)
            {
                ReadItems(ref reader, items);
            }
            else if (isMetadata && JsonNode.Parse(ref reader) is JsonObject metadata)
            {
                (version, next) = (metadata.Text("resourceVersion") ?? "", metadata.Text("continue"));
            }
            else
            {
                reader.Skip();
            }
        }

        while (reader.Read())
        {
            // Whatever follows the object is a fault, and the reader says so.
        }

        return new ListPage(items, version, string.IsNullOrEmpty(next) ? null : next);
    }

    private static void ReadItems(ref Utf8JsonReader reader, List<JsonObject> items)
    {
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (JsonNode.Parse(ref reader) is JsonObject item)
            {
                items.Add(item);
            }
        }
    }
}
