using System.Text.Json;
using System.Text.Json.Nodes;
using Ote.Kube.Objects;

namespace Ote.Kube.Server.Http;

/// <summary>Where another cluster refuses what was asked of it, it is said which one it was: whoever has the rights here would look for the fault here.</summary>
internal static class SiteRefusal
{
    /// <summary>A refusal with the cluster's name before its words; what is no Status stays as it is.</summary>
    public static ReadOnlyMemory<byte> Named(ReadOnlyMemory<byte> refusal, string cluster)
    {
        try
        {
            if (JsonNode.Parse(refusal.Span) is JsonObject status && status.Text("kind") == "Status" && status.Text("message") is { } message && !message.Contains($"cluster {cluster}", StringComparison.Ordinal))
            {
                status["message"] = $"cluster {cluster} refuses: {message}";
                return JsonSerializer.SerializeToUtf8Bytes(status, NodeJson.Default.JsonObject);
            }
        }
        catch (JsonException)
        {
            // Of another form, or packed.
        }

        return refusal;
    }
}
