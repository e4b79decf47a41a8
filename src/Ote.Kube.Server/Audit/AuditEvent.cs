using System.Buffers;
using System.Globalization;
using System.Text.Json;
using Ote.Kube.Server.Access;
using Ote.Kube.Server.Http;

namespace Ote.Kube.Server.Audit;

/// <summary>Writes an Event of <c>audit.k8s.io/v1</c>. Of bodies it tells nothing but an object's name, uid and version.</summary>
internal static class AuditEvent
{
    private const int MaxAgent = 1024;

    // Their refusals may quote what was sent.
    private static readonly string[] Secret = ["secrets", "configmaps", "tokenreviews", "serviceaccounts"];

    /// <summary>One line.</summary>
    public static byte[] Write(AuditTrail trail, AuditStages stage, DateTimeOffset now)
    {
        var buffer = new ArrayBufferWriter<byte>(1024);
        using (var json = new Utf8JsonWriter(buffer, Answers.Relaxed))
        {
            json.WriteStartObject();
            json.WriteString("kind", "Event");
            json.WriteString("apiVersion", "audit.k8s.io/v1");
            json.WriteString("level", trail.Level.ToString());
            json.WriteString("auditID", trail.Id);
            json.WriteString("stage", stage.ToString());
            var request = trail.Context.Request;
            json.WriteString("requestURI", $"{request.PathBase}{request.Path}{request.QueryString}");
            json.WriteString("verb", trail.Verb);
            User(json, "user", trail.User);
            if (trail.Impersonated is { } other) User(json, "impersonatedUser", other);
            if (trail.Context.Connection.RemoteIpAddress is { } address)
            {
                json.WriteStartArray("sourceIPs");
                json.WriteStringValue((address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address).ToString());
                json.WriteEndArray();
            }

            if (request.Headers.UserAgent.ToString() is { Length: > 0 } agent) json.WriteString("userAgent", agent.Length <= MaxAgent ? agent : agent[..MaxAgent]);
            if (trail.Path is { } path) Reference(json, trail, path);
            if (stage != AuditStages.RequestReceived && !trail.IsAbandoned) Status(json, trail);
            json.WriteString("requestReceivedTimestamp", Time(trail.Received));
            json.WriteString("stageTimestamp", Time(now));
            if (trail.Decision is { } decision)
            {
                json.WriteStartObject("annotations");
                json.WriteString("authorization.k8s.io/decision", decision.Allowed ? "allow" : "forbid");
                json.WriteString("authorization.k8s.io/reason", decision.Reason);
                json.WriteEndObject();
            }

            json.WriteEndObject();
        }

        buffer.Write("\n"u8);
        return buffer.WrittenSpan.ToArray();
    }

    private static void User(Utf8JsonWriter json, string field, UserInfo? user)
    {
        json.WriteStartObject(field);
        if (user is not null)
        {
            json.WriteString("username", user.Name);
            Some(json, "uid", user.Uid);
            Texts(json, "groups", user.Groups);
            if (user.Extra.Count > 0)
            {
                json.WriteStartObject("extra");
                foreach (var (key, values) in user.Extra) Texts(json, key, values);
                json.WriteEndObject();
            }
        }

        json.WriteEndObject();
    }

    private static void Reference(Utf8JsonWriter json, AuditTrail trail, ResourcePath path)
    {
        json.WriteStartObject("objectRef");
        json.WriteString("resource", path.Plural);
        Some(json, "namespace", trail.Namespace);
        Some(json, "name", path.Name ?? trail.Object?.Name);
        Some(json, "uid", trail.Object?.Uid);
        Some(json, "apiGroup", path.Group);
        json.WriteString("apiVersion", path.Version);
        Some(json, "resourceVersion", trail.Object?.Version);
        Some(json, "subresource", path.Subresource);
        json.WriteEndObject();
    }

    private static void Status(Utf8JsonWriter json, AuditTrail trail)
    {
        json.WriteStartObject("responseStatus");
        json.WriteStartObject("metadata");
        json.WriteEndObject();
        if (trail.Error is { } error)
        {
            json.WriteString("status", "Failure");
            if (error.Code is 401 or 403 or 404 or 409 || trail.Path is not { Plural: var plural } || !Secret.Contains(plural)) json.WriteString("message", error.Message);
            Some(json, "reason", error.Reason);
        }

        json.WriteNumber("code", trail.Error?.Code ?? trail.Context.Response.StatusCode);
        json.WriteEndObject();
    }

    private static void Texts(Utf8JsonWriter json, string field, IEnumerable<string> texts)
    {
        json.WriteStartArray(field);
        foreach (var text in texts) json.WriteStringValue(text);
        json.WriteEndArray();
    }

    private static void Some(Utf8JsonWriter json, string field, string? value)
    {
        if (!string.IsNullOrEmpty(value)) json.WriteString(field, value);
    }

    private static string Time(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ss.ffffffZ", CultureInfo.InvariantCulture);
}
