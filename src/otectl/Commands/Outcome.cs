using System.Text.Json;
using System.Text.Json.Nodes;
using Ote.Kube.Objects;

namespace Ote.Ctl.Commands;

/// <summary>What became of a command at one target.</summary>
/// <param name="Cluster">The target.</param>
/// <param name="Code">HTTP status of the cluster's answer; 0 when there was none.</param>
/// <param name="Error">The machine word of what went wrong before or instead of an answer; empty otherwise.</param>
/// <param name="Text">For people: why it failed; empty when it did not.</param>
/// <param name="Time">When it was executed, by the target's clock.</param>
/// <param name="Word">How it ended, in one word or two, such as <c>expired</c>.</param>
internal sealed record Outcome(string Cluster, long Code, string Error, string Text, DateTimeOffset? Time, string Word)
{
    private const int MaxText = 500;

    internal bool Succeeded => Error.Length == 0 && Code is >= 200 and < 300;

    /// <summary>Reads an item of a result page.</summary>
    internal static Outcome From(JsonObject item)
    {
        var code = item.Whole("code") ?? 0;
        var error = item.Text("error") ?? "";
        var failed = error.Length > 0 || code is < 200 or >= 300;
        var text = !failed ? "" : item.Text("text") is { Length: > 0 } given ? given : Body(item);
        var word = item.Text("outcome") switch
        {
            "NotSelected" => "not selected",
            "Expired" => "expired",
            "Cancelled" => "cancelled",
            _ => failed ? "failed" : "succeeded",
        };
        return new Outcome(item.Text("cluster") ?? "", code, error, Cut(text), item.Time("timestamp"), word);
    }

    /// <summary>The machine word and the words for people in one.</summary>
    internal string Describe() => (Error, Text) switch
    {
        ({ Length: > 0 }, { Length: > 0 }) => $"{Error}: {Text}",
        ({ Length: > 0 }, _) => Error,
        (_, { Length: > 0 }) when Code is 401 or 403 => $"{Text.TrimEnd('.')}; {Rights}",
        _ => Text,
    };

    // The cluster's own API server has said no: what helps is not at the control API.
    private string Rights => Code == 401
        ? $"the shim's user is not known there: correct the kubeconfig of the shim of {Cluster}"
        : $"give that user or group the right at {Cluster}, by a RoleBinding or ClusterRoleBinding made with its own kubeconfig";

    private static string Body(JsonObject item)
    {
        var body = item.Text("body");
        return item.Text("bodyEncoding") is { Length: > 0 } encoding
            ? $"an answer that is no text ({item.Text("contentType") ?? "of unknown type"}, {encoding} in the result page)"
            : Message(body);
    }

    /// <summary>The message of a Kubernetes Status, else the body's first line.</summary>
    private static string Message(string? body)
    {
        if (string.IsNullOrWhiteSpace(body))
        {
            return "";
        }

        try
        {
            if (JsonNode.Parse(body) is JsonObject status && status.Text("message") is { Length: > 0 } message)
            {
                return message;
            }
        }
        catch (JsonException)
        {
            // Not JSON: shown as it is, below.
        }

        return body.Trim().Split('\n')[0];
    }

    private static string Cut(string text) => text.Length <= MaxText ? text : text[..(MaxText - 1)] + "…";
}
