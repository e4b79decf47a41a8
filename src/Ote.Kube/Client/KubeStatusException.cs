using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Ote.Flow;
using Ote.Kube.Objects;

namespace Ote.Kube.Client;

/// <summary>The API server answered with something else than success.</summary>
public sealed class KubeStatusException : Exception, IForOperator
{
    /// <summary>Makes the exception for an answer.</summary>
    /// <param name="code">HTTP status code.</param>
    /// <param name="reason"><c>metav1.Status.reason</c>, such as <c>NotFound</c>; empty when the server gave none.</param>
    /// <param name="message">The server's own words.</param>
    public KubeStatusException(int code, string reason, string message)
        : base(message)
    {
        Code = code;
        Reason = reason;
    }

    /// <summary>HTTP status code.</summary>
    public int Code { get; }

    /// <summary>Kubernetes' machine word, such as <c>Conflict</c>.</summary>
    public string Reason { get; }

    /// <summary>The object is not there.</summary>
    public bool IsNotFound => Code == 404;

    /// <summary>Someone else changed the object first.</summary>
    public bool IsConflict => Code == 409 && Reason != "AlreadyExists";

    /// <summary>The object is there already.</summary>
    public bool IsAlreadyExists => Code == 409 && Reason == "AlreadyExists";

    /// <summary>The version asked for is no longer kept: list again.</summary>
    public bool IsExpired => Code == 410 || Reason is "Expired" or "Gone";

    /// <summary>Reads an error answer, which may or may not be a <c>metav1.Status</c>.</summary>
    public static KubeStatusException From(int code, ReadOnlySpan<byte> body, string what)
    {
        try
        {
            if (JsonNode.Parse(body) is JsonObject status && status.Text("kind") == "Status")
            {
                return From(status, code);
            }
        }
        catch (JsonException)
        {
            // Not JSON: a proxy's page, or nothing at all. The code below says so.
        }

        return new KubeStatusException(code, "", string.Create(CultureInfo.InvariantCulture, $"{what}: the server answered {code} without a Status"));
    }

    /// <summary>Reads a <c>metav1.Status</c> object.</summary>
    public static KubeStatusException From(JsonObject status, int code) =>
        new((int)(status.Whole("code") ?? code), status.Text("reason") ?? "", status.Text("message") ?? "the server gave no message");
}
