using System.Text.Json;
using System.Text.Json.Nodes;
using Ote.Kube.Objects;
using Ote.Kube.Server.Store;

namespace Ote.Kube.Server.Http;

/// <summary>Where another cluster refuses what was asked of it, it is said which one it was: whoever has the rights here would look for the fault here.</summary>
internal static class SiteRefusal
{
    /// <summary>
    /// A refusal with the cluster's name before its words, also before those of each field that is at fault, since of a 422 kubectl shows these alone; and of the object by the name it is shown under.
    /// What is no Status stays as it is, and what names the cluster already keeps its words.
    /// </summary>
    /// <param name="refusal">The body of the answer.</param>
    /// <param name="origin">Whose object it is about.</param>
    /// <param name="shown">The name it is shown under.</param>
    public static ReadOnlyMemory<byte> Named(ReadOnlyMemory<byte> refusal, ObjectOrigin origin, string shown)
    {
        try
        {
            if (JsonNode.Parse(refusal.Span) is JsonObject status && status.Text("kind") == "Status" && status.Text("message") is { } message)
            {
                var code = status.Whole("code") ?? 0;
                var who = $"cluster {origin.Cluster} {(code is 404 or 410 or 429 or >= 500 ? "answers" : "refuses")}: ";
                status["message"] = Named(message, origin.Cluster, who);
                if (status["details"] is JsonObject details)
                {
                    Name(details, origin, shown, who);
                }

                return JsonSerializer.SerializeToUtf8Bytes(status, NodeJson.Default.JsonObject);
            }
        }
        catch (JsonException)
        {
            // Of another form, or packed.
        }

        return refusal;
    }

    private static void Name(JsonObject details, ObjectOrigin origin, string shown, string who)
    {
        if (details.Text("name") == origin.Name)
        {
            details["name"] = shown;
        }

        foreach (var cause in (details["causes"] as JsonArray ?? []).OfType<JsonObject>())
        {
            if (cause.Text("field") is { Length: > 0 } && cause.Text("message") is { } words)
            {
                cause["message"] = Named(words, origin.Cluster, who);
            }
        }
    }

    private static string Named(string words, string cluster, string who) => words.Contains($"cluster {cluster}", StringComparison.Ordinal) ? words : who + words;
}
