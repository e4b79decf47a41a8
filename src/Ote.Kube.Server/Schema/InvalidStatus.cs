using System.Text.Json.Nodes;

namespace Ote.Kube.Server.Schema;

/// <summary>Builds the Status by which the real server refuses an invalid object. Pure.</summary>
public static class InvalidStatus
{
    /// <summary>
    /// Status 422 Invalid with a cause for each error, or 400 BadRequest when the object could not be read as its kind.
    /// </summary>
    public static JsonObject Of(KindInfo kind, string name, IReadOnlyList<FieldError> errors)
    {
        ArgumentNullException.ThrowIfNull(kind);
        ArgumentNullException.ThrowIfNull(errors);
        if (errors.FirstOrDefault(e => e.Type == FieldErrorType.Undecodable) is { } undecodable)
            return Status(undecodable.Detail, "BadRequest", null, 400);
        string all = errors.Count == 1 ? errors[0].ToString() : "[" + string.Join(", ", errors.Select(e => e.ToString()).Distinct()) + "]";
        JsonObject details = new()
        {
            ["name"] = name,
            ["group"] = kind.Group,
            ["kind"] = kind.Kind,
            ["causes"] = new JsonArray([.. errors.Select(e => (JsonNode)new JsonObject
            {
                ["reason"] = e.CauseReason,
                ["message"] = e.Message,
                ["field"] = e.Path.Length == 0 ? "<nil>" : e.Path,
            })]),
        };
        if (kind.Group.Length == 0)
            details.Remove("group");
        return Status($"{kind.GroupKind} \"{name}\" is invalid: {all}", "Invalid", details, 422);
    }

    /// <summary>Status 400 by which strict field validation refuses unknown fields, given as <see cref="SchemaCatalog.Prune"/> gives them.</summary>
    public static JsonObject OfUnknownFields(IReadOnlyList<string> paths)
    {
        ArgumentNullException.ThrowIfNull(paths);
        return Status("strict decoding error: " + string.Join(", ", paths.Select(UnknownField)), "BadRequest", null, 400);
    }

    /// <summary>The words for one unknown field, as a warning and as part of a refusal.</summary>
    public static string UnknownField(string path) => $"unknown field {FieldError.Quote(path)}";

    private static JsonObject Status(string message, string reason, JsonObject? details, int code)
    {
        JsonObject status = new()
        {
            ["kind"] = "Status",
            ["apiVersion"] = "v1",
            ["metadata"] = new JsonObject(),
            ["status"] = "Failure",
            ["message"] = message,
            ["reason"] = reason,
        };
        if (details is not null)
            status["details"] = details;
        status["code"] = code;
        return status;
    }
}
