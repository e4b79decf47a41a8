using System.Globalization;
using System.Text.Json.Nodes;
using Ote.Kube.Objects;
using Ote.Kube.Server.Http;
using Ote.Kube.Server.Store;

namespace Ote.Kube.Server.Access.ServiceAccounts;

/// <summary>Answers <c>serviceaccounts/NAME/token</c>: a TokenRequest comes back with the token in its status. Nothing is stored.</summary>
internal sealed class TokenRequestHandler(ServiceAccountTokens tokens, IObjectStore store, TimeProvider time, ApiServerOptions options)
{
    private const long DefaultSeconds = 3600, LeastSeconds = 600, MostSeconds = 1L << 32;

    /// <summary>Reads the request and answers it.</summary>
    /// <exception cref="ApiError">400, 404, 409 or 422, in the real server's words.</exception>
    public async Task HandleAsync(ApiRequest request)
    {
        var http = request.Context.Request;
        var bytes = await Body.ReadAsync(http, options.MaxBodyBytes, request.Aborted).ConfigureAwait(false);
        var asked = Body.ParseObject(bytes, Body.MediaType(http), options.MaxDepth);
        if ((asked.Text("apiVersion"), asked.Text("kind")) is not ((null or "authentication.k8s.io/v1"), (null or "TokenRequest")))
        {
            throw ApiError.BadRequest($"{asked.Text("kind")} in version \"{asked.Text("apiVersion")}\" cannot be handled as a TokenRequest");
        }

        var ns = request.Path.Namespace!;
        var account = await FindAsync(request.Kind.Plural, request.Key, request.Aborted).ConfigureAwait(false);
        Match(asked.Text("metadata", "name"), request.Name, "name of the service account");
        Match(asked.Text("metadata", "namespace"), ns, "namespace of the provided object");
        var seconds = asked.Whole("spec", "expirationSeconds") ?? DefaultSeconds;
        if (seconds is < LeastSeconds or > MostSeconds)
        {
            throw BadLife(seconds);
        }

        string[] audiences = [.. (asked.Items("spec", "audiences") ?? []).OfType<JsonValue>().Select(a => a.ToString())];
        audiences = audiences.Length == 0 ? [tokens.Issuer] : audiences;
        var reference = asked.At("spec", "boundObjectRef") as JsonObject;
        var bound = reference is null ? null : await BoundAsync(request, reference, ns).ConfigureAwait(false);
        var spec = new JsonObject { ["audiences"] = new JsonArray([.. audiences.Select(a => (JsonNode)a)]), ["expirationSeconds"] = seconds, ["boundObjectRef"] = reference?.DeepClone() };
        var answer = new JsonObject
        {
            ["kind"] = "TokenRequest",
            ["apiVersion"] = "authentication.k8s.io/v1",
            ["metadata"] = new JsonObject { ["name"] = request.Name, ["namespace"] = ns, ["creationTimestamp"] = Text(time.GetUtcNow()) },
            ["spec"] = spec,
        };
        if (!request.Write().DryRun)
        {
            var (token, expires) = tokens.Issue(new ServiceAccountName(ns, request.Name), account.Uid(), audiences, TimeSpan.FromSeconds(seconds), bound);
            answer["status"] = new JsonObject { ["token"] = token, ["expirationTimestamp"] = Text(expires) };
        }

        await Answers.JsonAsync(request.Context, 201, answer).ConfigureAwait(false);
    }

    private static string Text(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture);

    private static void Match(string? said, string path, string what)
    {
        if (!string.IsNullOrEmpty(said) && said != path)
        {
            throw ApiError.BadRequest($"the {what} ({said}) does not match the one on the URL ({path})");
        }
    }

    private static ApiError BadLife(long seconds)
    {
        var message = string.Create(CultureInfo.InvariantCulture, $"Invalid value: {seconds}: may not specify a duration {(seconds < LeastSeconds ? "less than 10 minutes" : "larger than 2^32 seconds")}");
        return new ApiError(422, "Invalid", $"TokenRequest.authentication.k8s.io \"\" is invalid: spec.expirationSeconds: {message}", new JsonObject
        {
            ["group"] = "authentication.k8s.io", ["kind"] = "TokenRequest",
            ["causes"] = new JsonArray(new JsonObject { ["reason"] = "FieldValueInvalid", ["message"] = message, ["field"] = "spec.expirationSeconds" }),
        });
    }

    private async Task<BoundObject> BoundAsync(ApiRequest request, JsonObject reference, string ns)
    {
        var (kind, version, name) = (reference.Text("kind") ?? "", reference.Text("apiVersion") ?? "", reference.Text("name") ?? "");
        if (kind is not ("Pod" or "Secret") || version != "v1")
        {
            var slash = version.IndexOf('/', StringComparison.Ordinal);
            throw ApiError.BadRequest($"cannot bind token to object of type {(slash < 0 ? "/" + version : version)}, Kind={kind}");
        }

        var plural = kind == "Pod" ? "pods" : "secrets";
        var found = await FindAsync(plural, new StoreKey("/" + plural, ns, name), request.Aborted).ConfigureAwait(false);
        if (kind == "Pod" && (found.Text("spec", "serviceAccountName") ?? "") != request.Name)
        {
            throw ApiError.BadRequest($"cannot bind token for serviceaccount \"{request.Name}\" to pod running with different serviceaccount name.");
        }

        return reference.Text("uid") is { Length: > 0 } uid && uid != found.Uid()
            ? throw new ApiError(
                409, "Conflict",
                $"Operation cannot be fulfilled on {kind} \"{name}\": the UID in the bound object reference ({uid}) does not match the UID in record. The object might have been deleted and then recreated",
                new JsonObject { ["name"] = name, ["kind"] = kind })
            : new BoundObject(kind, name, found.Uid());
    }

    private async ValueTask<JsonObject> FindAsync(string plural, StoreKey key, CancellationToken cancellation) =>
        await store.FindAsync(key, cancellation).ConfigureAwait(false) is { } stored ? Schema.ObjectJson.Stored(stored.Json) : throw ApiError.NotFound("", plural, key.Name);
}
