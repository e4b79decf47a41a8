using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;

namespace Ote.Kube.Server.Schema;

/// <summary>How objects are written in texts and documents: compact, and only what JSON demands is escaped.</summary>
internal static class ObjectJson
{
    /// <summary>
    /// How deep what is stored may nest: requests are held to less, but an object's managedFields nest deeper than the object, and a definition with such
    /// an object must not end every later read.
    /// </summary>
    public const int StoredDepth = 256;

    /// <summary>Parses stored JSON, which passed the limits when it came in.</summary>
    public static JsonObject Stored(byte[] json) => (JsonObject)JsonNode.Parse(json, null, new JsonDocumentOptions { MaxDepth = StoredDepth })!;

    public static JsonSerializerOptions Plain { get; } = new()
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        // No type is looked up by reflection: nodes write themselves.
        TypeInfoResolver = JsonTypeInfoResolver.Combine(),
    };
}
