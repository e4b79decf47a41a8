using System.Text.Json.Nodes;
using Ote.Kube.Objects;
using Ote.Kube.Server.Access.Rbac;
using Ote.Kube.Server.Http;
using Ote.Kube.Server.Schema;

namespace Ote.Kube.Server.Access.Reviews;

/// <summary>
/// Answers the questions of <c>authorization.k8s.io</c> and <c>authentication.k8s.io</c>: who somebody is, and what they may do. Nothing is
/// stored.
/// </summary>
internal sealed class ReviewHandler(RbacAuthorizer authorizer, RbacTable table, BearerTokens tokens, ApiServerOptions options)
{
    private const string Authorization = "authorization.k8s.io";
    private const string Authentication = "authentication.k8s.io";

    /// <summary>Whether objects of a kind are questions.</summary>
    public static bool Serves(KindInfo kind) => kind.Group is Authorization or Authentication;

    /// <summary>Whether it is a question about who asks, which anyone who is known may put.</summary>
    public static bool IsOfSelf(ResourcePath path) => (path.Group, path.Plural) is
        (Authorization, "selfsubjectaccessreviews" or "selfsubjectrulesreviews") or (Authentication, "selfsubjectreviews");

    /// <summary>Reads the question and answers it.</summary>
    /// <exception cref="ApiError">400 or 422 for what is no such question.</exception>
    public async Task HandleAsync(ApiRequest request)
    {
        var http = request.Context.Request;
        var bytes = await Body.ReadAsync(http, options.MaxBodyBytes, request.Aborted).ConfigureAwait(false);
        var review = Body.ParseObject(bytes, Body.MediaType(http), options.MaxDepth);
        var answer = review.Copy();
        (answer["apiVersion"], answer["kind"]) = (request.Kind.ApiVersion, request.Kind.Kind);
        answer["status"] = request.Kind.Kind switch
        {
            "SelfSubjectAccessReview" => Verdict(request.User, AccessQuestion.Read(request.Kind, review)),
            "SubjectAccessReview" => Verdict(AccessQuestion.Subject(request.Kind, review), AccessQuestion.Read(request.Kind, review)),
            "LocalSubjectAccessReview" => Verdict(AccessQuestion.Subject(request.Kind, review), AccessQuestion.ReadIn(request.Kind, review, request.Path.Namespace!)),
            "SelfSubjectRulesReview" => Rules(request.User, review.Text("spec", "namespace") is { Length: > 0 } ns ? ns : throw ApiError.BadRequest("no namespace on request")),
            "SelfSubjectReview" => new JsonObject { ["userInfo"] = Described(request.User) },
            "TokenReview" => await KnownAsync(review, request.Aborted).ConfigureAwait(false),
            _ => throw ApiError.MethodNotAllowed(),
        };
        await Answers.JsonAsync(request.Context, 201, answer).ConfigureAwait(false);
    }

    private static JsonObject Described(UserInfo user)
    {
        var told = new JsonObject { ["username"] = user.Name };
        if (user.Uid is { } uid)
        {
            told["uid"] = uid;
        }

        told["groups"] = Array(user.Groups);
        if (user.Extra.Count > 0)
        {
            told["extra"] = new JsonObject(user.Extra.Select(e => KeyValuePair.Create(e.Key, (JsonNode?)Array(e.Value))));
        }

        return told;
    }

    private static JsonArray Array(IEnumerable<string> texts) => [.. texts.Select(t => (JsonNode)t)];

    private JsonObject Verdict(UserInfo user, AccessRequest question)
    {
        var status = new JsonObject { ["allowed"] = authorizer.Allows(user, question, out var reason) };
        if (reason.Length > 0)
        {
            status["reason"] = reason;
        }

        return status;
    }

    private async ValueTask<JsonObject> KnownAsync(JsonObject review, CancellationToken cancellation)
    {
        if (review.Text("spec", "token") is not { Length: > 0 } token)
        {
            throw ApiError.BadRequest("token is required for TokenReview in authentication");
        }

        string[] audiences = [.. (review.Items("spec", "audiences") ?? []).OfType<JsonValue>().Select(a => a.ToString())];
        return await tokens.FindAsync(token, audiences, cancellation).ConfigureAwait(false) is { } known
            ? new JsonObject { ["authenticated"] = true, ["user"] = Described(known.User), ["audiences"] = Array(known.Audiences) }
            : new JsonObject { ["user"] = new JsonObject(), ["error"] = "invalid bearer token" };
    }

    private JsonObject Rules(UserInfo user, string ns)
    {
        RbacRule[] rules = [.. table.RulesFor(user, ns).Select(r => r.Rule).Distinct()];
        if (user.IsMaster && !rules.Any(r => r.Verbs.Contains("*") && r.Resources.Contains("*")))
        {
            rules = [new RbacRule { Verbs = ["*"], Groups = ["*"], Resources = ["*"] }, new RbacRule { Verbs = ["*"], Paths = ["*"] }, .. rules];
        }

        var status = new JsonObject
        {
            ["resourceRules"] = new JsonArray([.. rules.Where(r => !r.Resources.IsEmpty).Select(r => Rule(r, "apiGroups", r.Groups, "resources", r.Resources))]),
            ["nonResourceRules"] = new JsonArray([.. rules.Where(r => !r.Paths.IsEmpty).Select(r => Rule(r, "nonResourceURLs", r.Paths, "", []))]),
            ["incomplete"] = authorizer.HasOthers && !user.IsMaster,
        };
        if (authorizer.HasOthers && !user.IsMaster)
        {
            status["evaluationError"] = "this server allows some groups more than its roles say; ask about one thing at a time";
        }

        return status;
    }

    private static JsonObject Rule(RbacRule rule, string field, IEnumerable<string> values, string other, IEnumerable<string> others)
    {
        var told = new JsonObject { ["verbs"] = Array(rule.Verbs), [field] = Array(values) };
        if (other.Length > 0)
        {
            told[other] = Array(others);
        }

        if (!rule.Names.IsEmpty)
        {
            told["resourceNames"] = Array(rule.Names);
        }

        return told;
    }
}
