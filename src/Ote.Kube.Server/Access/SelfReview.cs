using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Ote.Kube.Objects;
using Ote.Kube.Server.Http;

namespace Ote.Kube.Server.Access;

/// <summary>
/// Answers <c>SelfSubjectAccessReview</c>, as <c>kubectl auth can-i</c> asks: whether who asks may do something here. Anyone who is known may ask about
/// themselves; nothing is stored.
/// </summary>
internal sealed class SelfReview(IAuthorizer authorizer)
{
    private const int MostBytes = 64 * 1024;
    private const int MostDepth = 16;

    /// <summary>Whether a request is such a question.</summary>
    public static bool Serves(ResourcePath path, string verb) =>
        verb == "create" && path is { Group: "authorization.k8s.io", Version: "v1", Namespace: null, Plural: "selfsubjectaccessreviews", Name: null };

    /// <summary>Reads the question and answers it.</summary>
    /// <exception cref="ApiError">401 for nobody, 400 or 422 for what is no such question.</exception>
    public async Task HandleAsync(HttpContext context, UserInfo user)
    {
        if (user == UserInfo.Anonymous)
        {
            throw ApiError.Unauthorized();
        }

        var bytes = await Body.ReadAsync(context.Request, MostBytes, context.RequestAborted).ConfigureAwait(false);
        await Answers.JsonAsync(context, 201, Answer(user, Body.ParseObject(bytes, Body.MediaType(context.Request), MostDepth))).ConfigureAwait(false);
    }

    private static AccessRequest Question(JsonObject review)
    {
        if (review.At("spec", "resourceAttributes") is JsonObject resource)
        {
            string Of(string field) => resource.Text(field) ?? "";
            var plural = Of("subresource") is { Length: > 0 } part ? $"{Of("resource")}/{part}" : Of("resource");
            var name = Of("name") is { Length: > 0 } one ? one : null;
            // As for a request: a namespace is in itself.
            var scope = Of("group").Length == 0 && Of("resource") == "namespaces" && name is not null ? name : Of("namespace") is { Length: > 0 } ns ? ns : null;
            return new AccessRequest(Of("verb"), Of("group"), plural, scope, name);
        }

        return review.At("spec", "nonResourceAttributes") is JsonObject path
            ? new AccessRequest(path.Text("verb") ?? "", "", "", null, null, path.Text("path") ?? "")
            : throw ApiError.BadRequest("spec: exactly one of resourceAttributes or nonResourceAttributes must be specified");
    }

    private JsonObject Answer(UserInfo user, JsonObject review)
    {
        var refused = authorizer.Refuse(user, Question(review));
        var answer = review.Copy();
        (answer["apiVersion"], answer["kind"]) = ("authorization.k8s.io/v1", "SelfSubjectAccessReview");
        var status = new JsonObject { ["allowed"] = refused is null };
        if (!string.IsNullOrEmpty(refused))
        {
            status["reason"] = refused;
        }

        answer["status"] = status;
        return answer;
    }
}
