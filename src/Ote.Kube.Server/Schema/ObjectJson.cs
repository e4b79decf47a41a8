using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Ote.Kube.Server.Schema;

/// <summary>How objects are written in texts and documents: compact, and only what JSON demands is escaped.</summary>
internal static class ObjectJson
{
    public static JsonSerializerOptions Plain { get; } = new()
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        // No type is looked up by reflection: nodes write themselves.
        TypeInfoResolver = JsonTypeInfoResolver.Combine(),
    };
}
