using System.Text.Json.Nodes;

namespace Ote.Kube.Objects;

/// <summary>
/// <c>status.conditions</c> by Kubernetes' API conventions: one entry per type, <c>lastTransitionTime</c> moves only when
/// the status does.
/// </summary>
public static class Conditions
{
    /// <summary>The condition of a type, or null.</summary>
    public static JsonObject? Condition(this JsonObject obj, string type) =>
        obj.Items("status", "conditions")?.OfType<JsonObject>().FirstOrDefault(c => c.Text("type") == type);

    /// <summary>Whether the condition of a type stands at <c>True</c>.</summary>
    public static bool IsTrue(this JsonObject obj, string type) => obj.Condition(type).Text("status") == "True";

    /// <summary>Sets a condition inside a <c>status</c> object. Returns whether anything changed.</summary>
    /// <param name="status">The status object itself.</param>
    /// <param name="type">Such as <c>Ready</c>.</param>
    /// <param name="value">True, False, or null for Unknown.</param>
    /// <param name="reason">One CamelCase word.</param>
    /// <param name="message">For people.</param>
    /// <param name="now">The transition time if the status moves.</param>
    public static bool SetCondition(JsonObject status, string type, bool? value, string reason, string message, DateTimeOffset now)
    {
        if (status["conditions"] is not JsonArray list)
        {
            status["conditions"] = list = [];
        }

        var text = value switch { true => "True", false => "False", null => "Unknown" };
        var existing = list.OfType<JsonObject>().FirstOrDefault(c => c.Text("type") == type);
        if (existing is null)
        {
            list.Add((JsonNode)new JsonObject
            {
                ["type"] = type,
                ["status"] = text,
                ["reason"] = reason,
                ["message"] = message,
                ["lastTransitionTime"] = now.ToKubeTime(),
            });
            return true;
        }

        var moved = existing.Text("status") != text;
        if (!moved && existing.Text("reason") == reason && existing.Text("message") == message)
        {
            return false;
        }

        existing["status"] = text;
        existing["reason"] = reason;
        existing["message"] = message;
        if (moved)
        {
            existing["lastTransitionTime"] = now.ToKubeTime();
        }

        return true;
    }
}
