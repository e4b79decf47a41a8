using System.Text.Json.Nodes;
using Ote.Kube.Server.Schema;
using Ote.Kube.Server.Store;

namespace Ote.Kube.Server.Http;

/// <summary>
/// A request that ends in a <c>metav1.Status</c> instead of an object. Messages are worded as kubectl users know them.
/// </summary>
internal sealed class ApiError(int code, string reason, string message, JsonObject? details = null) : Exception(message)
{
    /// <summary>HTTP status code.</summary>
    public int Code => code;

    /// <summary>The machine word, such as <c>NotFound</c>; empty where the real server has none.</summary>
    public string Reason => reason;

    /// <summary>Seconds for <c>Retry-After</c>; 0 for none.</summary>
    public int RetryAfterSeconds { get; init; }

    /// <summary>With what a list may go on in spite of the error; null: with nothing.</summary>
    public ContinueToken? Continue { get; init; }

    public static ApiError BadRequest(string message) => new(400, "BadRequest", message);

    public static ApiError Unauthorized() => new(401, "Unauthorized", "Unauthorized");

    public static ApiError NoSuchPath() =>
        new(404, "NotFound", "the server could not find the requested resource", new JsonObject());

    public static ApiError NotFound(KindInfo kind, string name) => NotFound(kind.Group, kind.Plural, name);

    public static ApiError NotFound(string group, string plural, string name) =>
        new(404, "NotFound", $"{Resource(group, plural)} \"{name}\" not found", Details(group, plural, name));

    public static ApiError AlreadyExists(KindInfo kind, string name, bool going = false) => new(
        409, "AlreadyExists", $"{(going ? "object is being deleted: " : "")}{kind.GroupResource} \"{name}\" already exists", Details(kind.Group, kind.Plural, name));

    public static ApiError Conflict(KindInfo kind, string name, string message) => new(
        409, "Conflict", $"Operation cannot be fulfilled on {kind.GroupResource} \"{name}\": {message}", Details(kind.Group, kind.Plural, name));

    public static ApiError Modified(KindInfo kind, string name) =>
        Conflict(kind, name, "the object has been modified; please apply your changes to the latest version and try again");

    public static ApiError Forbidden(KindInfo kind, string name, string message) => new(
        403, "Forbidden", name.Length == 0 ? $"{kind.GroupResource} is forbidden: {message}" : $"{kind.GroupResource} \"{name}\" is forbidden: {message}",
        Details(kind.Group, kind.Plural, name));

    public static ApiError MethodNotAllowed() =>
        new(405, "MethodNotAllowed", "the server does not allow this method on the requested resource", new JsonObject());

    /// <summary>The objects of a kind are those of the clusters below, and this server does not make or change them by itself.</summary>
    public static ApiError OfClusters(KindInfo kind) => new(
        405, "MethodNotAllowed",
        $"{kind.GroupResource} here are those of the clusters below, and are changed there: use otectl apply, a ClusterController object, or the cluster's own API", new JsonObject());

    /// <summary>405 for an object of a definition that is going.</summary>
    public static ApiError Terminating(KindInfo kind, string verb) => new(
        405, "MethodNotAllowed", $"{verb} not allowed while custom resource definition is terminating", Details(kind.Group, kind.Plural, ""));

    public static ApiError NotAcceptable(params string[] types) =>
        new(406, "NotAcceptable", $"only the following media types are accepted: {string.Join(", ", types)}");

    public static ApiError UnsupportedMediaType(params string[] types) => new(
        415, "UnsupportedMediaType", $"the body of the request was in an unknown format - accepted media types include: {string.Join(", ", types)}");

    public static ApiError Undecodable(string message) => new(415, "UnsupportedMediaType", message);

    public static ApiError Expired(string message) => new(410, "Expired", message);

    /// <summary>410 for a page of a list whose revision was compacted, with the token for the rest of it as it is now.</summary>
    public static ApiError ExpiredPage(ContinueToken rest) => new(
        410, "Expired",
        "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this "
        + "response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between "
        + "the time the first chunk was returned and now may show up in the list.")
    {
        Continue = rest,
    };

    public static ApiError TooLarge(long limit) => new(413, "RequestEntityTooLarge", $"Request entity too large: limit is {limit}");

    public static ApiError TooManyRequests(string message) => new(429, "TooManyRequests", message) { RetryAfterSeconds = 1 };

    /// <summary>
    /// The store failed. Clients try 503 again by themselves: nothing was stored, and it passes when there is room. What is damaged is not mended by asking again.
    /// </summary>
    public static ApiError Stored(StoreFailedException fault) => fault.Trouble == StoreTrouble.Damaged
        ? Internal(fault.Message)
        : new ApiError(503, "ServiceUnavailable", fault.Message) { RetryAfterSeconds = 1 };

    public static ApiError RevisionAhead(long asked, long current) => new(
        504, "Timeout", $"Timeout: Too large resource version: {asked}, current: {current}",
        new JsonObject
        {
            ["retryAfterSeconds"] = 1,
            ["causes"] = new JsonArray(new JsonObject { ["reason"] = "ResourceVersionTooLarge", ["message"] = "Too large resource version" }),
        }) { RetryAfterSeconds = 1 };

    public static ApiError Internal(string message) => new(500, "InternalError", $"Internal error occurred: {message}");

    /// <summary>422 for a request whose parameters contradict each other.</summary>
    public static ApiError InvalidOptions(string options, IReadOnlyList<FieldError> faults) => new(
        422, "Invalid", $"{options}.meta.k8s.io \"\" is invalid: {(faults.Count == 1 ? $"{faults[0]}" : $"[{string.Join(", ", faults)}]")}",
        new JsonObject
        {
            ["group"] = "meta.k8s.io", ["kind"] = options,
            ["causes"] = new JsonArray([.. faults.Select(f => (JsonNode)new JsonObject { ["reason"] = f.CauseReason, ["message"] = f.Message, ["field"] = f.Path })]),
        });

    /// <summary>422 with one cause per field.</summary>
    public static ApiError Invalid(KindInfo kind, string name, IReadOnlyList<(string Reason, string Message, string Field)> causes)
    {
        var texts = causes.Select(c => $"{c.Field}: {c.Message}").ToArray();
        var details = Details(kind.Group, kind.Kind, name);
        details["causes"] = new JsonArray([.. causes.Select(c =>
            (JsonNode)new JsonObject { ["reason"] = c.Reason, ["message"] = c.Message, ["field"] = c.Field })]);
        var list = texts.Length == 1 ? texts[0] : $"[{string.Join(", ", texts)}]";
        return new ApiError(422, "Invalid", $"{kind.GroupKind} \"{name}\" is invalid: {list}", details);
    }

    /// <summary>The <c>metav1.Status</c>.</summary>
    public JsonObject ToStatus()
    {
        var status = new JsonObject
        {
            ["kind"] = "Status",
            ["apiVersion"] = "v1",
            ["metadata"] = Continue is { } token ? new JsonObject { ["continue"] = token.ToString() } : new JsonObject(),
            ["status"] = "Failure",
            ["message"] = Message,
        };
        if (reason.Length > 0)
        {
            status["reason"] = reason;
        }

        if (details is not null)
        {
            status["details"] = details.DeepClone();
        }

        status["code"] = code;
        return status;
    }

    private static string Resource(string group, string plural) => group.Length == 0 ? plural : $"{plural}.{group}";

    private static JsonObject Details(string group, string kind, string name)
    {
        var result = new JsonObject();
        if (name.Length > 0)
        {
            result["name"] = name;
        }

        if (group.Length > 0)
        {
            result["group"] = group;
        }

        result["kind"] = kind;
        return result;
    }
}
