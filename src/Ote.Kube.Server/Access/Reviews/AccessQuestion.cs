using System.Text.Json.Nodes;
using Ote.Kube.Objects;
using Ote.Kube.Server.Http;
using KindInfo = Ote.Kube.Server.Schema.KindInfo;

namespace Ote.Kube.Server.Access.Reviews;

/// <summary>Reads what an access review asks. Pure.</summary>
internal static class AccessQuestion
{
    /// <summary>What is to be done, of the review's <c>spec</c>.</summary>
    /// <exception cref="ApiError">422: it asks nothing, or two things at once.</exception>
    public static AccessRequest Read(KindInfo kind, JsonObject review)
    {
        var (resource, path) = (review.At("spec", "resourceAttributes") as JsonObject, review.At("spec", "nonResourceAttributes") as JsonObject);
        if (resource is null == path is null)
        {
            throw Invalid(kind, "spec.resourceAttributes", "null", "exactly one of nonResourceAttributes or resourceAttributes must be specified");
        }

        if (path is not null)
        {
            return new AccessRequest(path.Text("verb") ?? "", "", "", null, null, path.Text("path") ?? "");
        }

        string Of(string field) => resource.Text(field) ?? "";
        string? Any(string field) => Of(field) is { Length: > 0 } text ? text : null;
        var plural = Any("subresource") is { } part ? $"{Of("resource")}/{part}" : Of("resource");
        // As for a request: a namespace is in itself.
        var scope = Of("group").Length == 0 && Of("resource") == "namespaces" && Any("name") is { } own ? own : Any("namespace");
        return new AccessRequest(Of("verb"), Of("group"), plural, scope, Any("name"));
    }

    /// <summary>The same for a review that lies in a namespace, which may ask about that one alone.</summary>
    public static AccessRequest ReadIn(KindInfo kind, JsonObject review, string ns)
    {
        var asked = review.Text("spec", "resourceAttributes", "namespace") ?? "";
        return asked == ns ? Read(kind, review) : throw Invalid(kind, "spec.resourceAttributes.namespace", $"\"{asked}\"", "must match metadata.namespace");
    }

    /// <summary>Whom it asks about.</summary>
    /// <exception cref="ApiError">422: nobody.</exception>
    public static UserInfo Subject(KindInfo kind, JsonObject review)
    {
        string[] groups = [.. (review.Items("spec", "groups") ?? []).OfType<JsonValue>().Select(v => v.ToString())];
        var user = review.Text("spec", "user") ?? "";
        return user.Length > 0 || groups.Length > 0
            ? new UserInfo(user, groups)
            : throw Invalid(kind, "spec.user", "\"\"", "at least one of user or group must be specified");
    }

    private static ApiError Invalid(KindInfo kind, string field, string value, string why) => new(
        422, "Invalid", $"{kind.Kind}.{kind.Group} \"\" is invalid: {field}: Invalid value: {value}: {why}",
        new JsonObject
        {
            ["group"] = kind.Group, ["kind"] = kind.Kind,
            ["causes"] = new JsonArray(new JsonObject { ["reason"] = "FieldValueInvalid", ["message"] = $"Invalid value: {value}: {why}", ["field"] = field }),
        });
}
