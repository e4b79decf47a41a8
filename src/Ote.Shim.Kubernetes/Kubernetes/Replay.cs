using System.Text.Json;
using Ote.Shim.Contract;
using Error = Ote.Shim.Contract.ExecuteResponse.Types.Error;

namespace Ote.Shim.Kubernetes.Kubernetes;

/// <summary>Reads what the cluster says to a request that may have run before. Pure.</summary>
internal static class Replay
{
    /// <summary>Whether the answer to a repeated create says that the object is there already, and under which name.</summary>
    public static string? ExistingName(ExecuteResponse response) =>
        response.Error == Error.None && response.Code == 409 ? Status(response, "AlreadyExists") : null;

    /// <summary>The answer to a repeated request whose first answer needs no further question.</summary>
    public static ExecuteResponse Settle(PreparedRequest request, ExecuteResponse response)
    {
        if (response.Error != Error.None)
            return response;
        return request.Repetition.Kind switch
        {
            RepetitionKind.Delete when response.Code == 404 && Status(response, "NotFound") is { } name => Gone(request, name),
            RepetitionKind.Versioned when response.Code == 409 => Unknown(request, "the cluster reports a conflict, which may be with the earlier run itself"),
            _ => response,
        };
    }

    /// <summary>The answer to a repeated create that met an existing object, given that object.</summary>
    public static ExecuteResponse Recognise(PreparedRequest request, ExecuteResponse conflict, ExecuteResponse existing)
    {
        if (request.Repetition.Marker is not { } marker)
            return Unknown(request, "the object is there, and the request set a field manager of its own, so whose create it was cannot be told");
        if (existing.Error != Error.None || existing.Code != 200)
            return Unknown(request, $"the object is there, but reading it gave {existing.Code}{(existing.Text.Length > 0 ? $" ({existing.Text})" : "")}");
        return Managers(existing.Body.Memory) switch
        {
            null => Unknown(request, "the object is there, but has no field managers to tell whose create it was: the cluster keeps none, or it has a name and nothing else"),
            { } managers when !managers.Contains(marker) => conflict,
            _ when existing.Body.Length > request.ResponseBytes => ShimAnswer.Failure(Error.TooLarge, $"{About(request)}: the earlier run created the object, and it has more than {request.ResponseBytes} bytes; raise maxResponseBytes"),
            _ => new ExecuteResponse(existing) { Code = 201, Text = "created by an earlier run of this command" },
        };
    }

    /// <summary>The answer to a request that must not be sent again.</summary>
    public static ExecuteResponse Unknown(PreparedRequest request, string why) => ShimAnswer.Failure(Error.OutcomeUnknown,
        $"{About(request)}: an earlier run may have happened, and whether it did cannot be told: {why}; look at the cluster, and give the command anew if it is missing");

    private static string About(PreparedRequest request) => $"{request.Request.Method} {request.Request.Url}";

    private static ExecuteResponse Gone(PreparedRequest request, string name)
    {
        using MemoryStream body = new();
        using (Utf8JsonWriter json = new(body))
        {
            json.WriteStartObject();
            json.WriteString("kind", "Status");
            json.WriteString("apiVersion", "v1");
            json.WriteStartObject("metadata");
            json.WriteEndObject();
            json.WriteString("status", "Success");
            json.WriteString("message", $"{request.Path.Resource} \"{name}\" is gone; an earlier run of this command may have deleted it");
            json.WriteEndObject();
        }
        ExecuteResponse answer = ShimAnswer.FromCluster(200, body.ToArray(), BodyType.Json);
        answer.Text = "already gone when the command was repeated";
        return answer;
    }

    /// <summary>The name a metav1.Status of this reason is about; null when it is another, or about no object at all.</summary>
    private static string? Status(ExecuteResponse response, string reason)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(response.Body.Memory);
            JsonElement root = document.RootElement;
            return root.ValueKind == JsonValueKind.Object
                && root.TryGetProperty("reason", out JsonElement given) && given.ValueKind == JsonValueKind.String && given.ValueEquals(reason)
                && root.TryGetProperty("details", out JsonElement details) && details.ValueKind == JsonValueKind.Object
                && details.TryGetProperty("name", out JsonElement name) && name.ValueKind == JsonValueKind.String ? name.GetString() : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static HashSet<string>? Managers(ReadOnlyMemory<byte> body)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(body);
            if (!document.RootElement.TryGetProperty("metadata", out JsonElement metadata) || !metadata.TryGetProperty("managedFields", out JsonElement fields) || fields.ValueKind != JsonValueKind.Array)
                return null;
            return [.. fields.EnumerateArray().Select(entry => entry.TryGetProperty("manager", out JsonElement manager) ? manager.GetString() ?? "" : "")];
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return null;
        }
    }
}
