using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Ote.Kube.Objects;

namespace Ote.Center.Up;

/// <summary>How the job ended.</summary>
/// <param name="Targets">Clusters it was for.</param>
/// <param name="Succeeded">Clusters that carried it out.</param>
/// <param name="Failures">What went wrong, a line each.</param>
internal sealed record JobOutcome(int Targets, int Succeeded, IReadOnlyList<string> Failures)
{
    /// <summary>The line for a result that is no success: which cluster, the code, and what it said.</summary>
    public static string Failure(JsonObject result)
    {
        var words = new[] { result.Text("error"), result.Text("text") is { Length: > 0 } text ? text : Words(result.Text("body")) }.Where(word => !string.IsNullOrEmpty(word));
        return string.Create(CultureInfo.InvariantCulture, $"{result.Text("cluster")}: {result.Whole("code")} {string.Join(": ", words)}").Trim();
    }

    /// <summary>What a Status says; any other answer as it is.</summary>
    private static string? Words(string? body)
    {
        try
        {
            return body is not null && JsonNode.Parse(body) is JsonObject status && status.Text("kind") == "Status" && status.Text("message") is { Length: > 0 } said ? said : body;
        }
        catch (JsonException)
        {
            return body;
        }
    }
}
