using System.Diagnostics.CodeAnalysis;
using Ote.Kube.Client;
using Ote.Shim.Contract;
using Error = Ote.Shim.Contract.ExecuteResponse.Types.Error;

namespace Ote.Shim.Kubernetes.Kubernetes;

/// <summary>A request that passed every check, with what was decided about it.</summary>
/// <param name="Request">As it came.</param>
/// <param name="Path">Its URL, taken apart.</param>
/// <param name="ContentType">Of its body.</param>
/// <param name="OrderKey">Place in the order, see <see cref="RequestOrder"/>.</param>
/// <param name="Repetition">How it may be repeated.</param>
/// <param name="Timeout">From arrival to answer.</param>
/// <param name="ResponseBytes">Cap on its answer.</param>
internal sealed record PreparedRequest(
    ExecuteRequest Request, ApiPath Path, string ContentType, string OrderKey, Repetition Repetition, TimeSpan Timeout, int ResponseBytes)
{
    /// <summary>Subresources that are streams or hand the connection to someone else.</summary>
    private static readonly string[] s_streams = ["exec", "attach", "portforward", "proxy"];

    /// <summary>Path and query as sent: the URL as given, and a marker on a create.</summary>
    public string Target => Repetition.Marker is { } marker
        ? $"{Path.Path}?{(Path.Query.Length == 0 ? "" : Path.Query + "&")}fieldManager={marker}"
        : Request.Url;

    /// <summary>Checks a request, in the order in which a person would mend it. Pure.</summary>
    public static bool TryPrepare(ExecuteRequest request, KubernetesShimOptions options, [NotNullWhen(true)] out PreparedRequest? prepared, [NotNullWhen(false)] out ExecuteResponse? refusal)
    {
        prepared = null;
        refusal = Refuse(request, options, out ApiPath? path);
        if (refusal is not null)
            return false;
        string? contentType = request.ContentType.Length > 0 ? request.ContentType : BodyType.Choose(request.Method, request.Body.Span);
        if (contentType is null)
        {
            refusal = Fail(request, Error.BadRequest, "the body of a PATCH without a content type must be a JSON array (JSON patch) or object (merge patch); name the content type");
            return false;
        }
        BodyFacts facts = RequestMethod.Writes(request.Method) ? BodyFacts.Read(request.Body.Memory, MediaType(contentType)) : BodyFacts.Unknown;
        uint milliseconds = request.TimeoutMilliseconds;
        TimeSpan timeout = milliseconds == 0 ? options.DefaultTimeout : TimeSpan.FromMilliseconds(milliseconds);
        prepared = new PreparedRequest(
            request,
            path!,
            contentType,
            KeyOf(request.Method, path!, facts, request.IdempotencyKey),
            Repetition.Of(request.Method, path!, MediaType(contentType), facts, request.IdempotencyKey),
            timeout < options.MaxTimeout ? timeout : options.MaxTimeout,
            (int)Math.Min(request.MaxResponseBytes == 0 ? (uint)options.DefaultResponseBytes : request.MaxResponseBytes, (uint)options.MaxResponseBytes));
        return true;
    }

    private static ExecuteResponse? Refuse(ExecuteRequest request, KubernetesShimOptions options, out ApiPath? path)
    {
        path = null;
        if (request.Destination == "helm")
            return Fail(request, Error.UnknownDestination, "destination 'helm': this version applies no charts; render the chart (helm template) and send its objects with destination 'api'");
        if (request.Destination != "api")
            return Fail(request, Error.UnknownDestination, $"destination '{request.Destination}' is not known; this shim serves 'api'");
        if (!RequestMethod.IsSupported(request.Method))
            return Fail(request, Error.UnsupportedMethod, $"method '{request.Method}' is not supported; use {string.Join(", ", RequestMethod.Supported)}");
        if (!ApiPath.TryParse(request.Url, out path, out string? error))
            return Fail(request, Error.BadRequest, $"the URL is refused: {error}");
        if (request.Body.Length > options.MaxBodyBytes)
            return Fail(request, Error.BadRequest, $"the body has {request.Body.Length} bytes, more than the {options.MaxBodyBytes} this shim takes; split it");
        if (request.ContentType.Any(c => c is < ' ' or > '~'))
            return Fail(request, Error.BadRequest, "the content type holds characters that a header cannot");
        if (IsStream(path))
            return Fail(request, Error.NotAllowed, "exec, attach, portforward and proxy are connections, not requests, and no command carries them; use kubectl behind /clusters/NAME of a controller with --serve, or with a kubeconfig of the cluster itself");
        if (path.IsOn("watch") || path.IsOn("follow"))
            return Fail(request, Error.UnsupportedMethod, "a watch or a followed log has no end and so no answer; leave watch and follow out");
        string method = request.Method;
        IReadOnlyList<string> segments = path.Segments;
        if (!options.Allow.Any(rule => rule.Allows(method, segments)))
            return Fail(request, Error.NotAllowed, $"no rule of this shim's allow-list lets it through ({string.Join("; ", options.Allow)}); widen --allow at the shim if it should");
        return options.Impersonate == Impersonation.Requester ? RefuseUser(request) : null;
    }

    private static ExecuteResponse? RefuseUser(ExecuteRequest request)
    {
        if (string.IsNullOrEmpty(request.User?.Name))
            return Fail(request, Error.NotAllowed, "it names no user to act as; send the command as a known user, or start the shim with --impersonate none");
        return request.User.Groups.Append(request.User.Name).Any(text => text.Any(c => c is < ' ' or > '~'))
            ? Fail(request, Error.BadRequest, "the user's name or one of the groups holds characters that a header cannot carry")
            : null;
    }

    private static bool IsStream(ApiPath path)
    {
        if (path.Resource is "watch" or "proxy" && path.Group is not null)
            return true; // /api/v1/watch/... and /api/v1/proxy/..., the old spellings
        string? first = path.Subresource?.Split('/')[0];
        return path.Group == "" && path.Resource is "pods" or "services" or "nodes" && s_streams.Contains(first);
    }

    /// <summary>
    /// The object the request is about, below its namespace, so that a request on a Namespace keeps order with all inside it. A list keeps
    /// order with the writes in it; a create whose name is not known counts for its whole collection.
    /// </summary>
    private static string KeyOf(string method, ApiPath path, BodyFacts body, string idempotencyKey)
    {
        if (path.Resource is null)
            return $"other/{path.Path.TrimEnd('/')}/";
        string? name = path.Name ?? (method == "POST" ? body.Name : null);
        if (path is { Group: "", Resource: "namespaces", Namespace: null })
            return name is not null ? $"in/{name}/" : RequestMethod.Writes(method) && !body.GeneratesName ? "in/" : "list/namespaces/";
        string scope = path.Namespace is null ? "all/" : $"in/{path.Namespace}/";
        string collection = $"{scope}{path.Group}.{path.Resource}/";
        if (name is not null)
            return $"{collection}{name}/";
        // A generated name is like no other: it only has to keep order with what concerns the whole collection.
        return body.GeneratesName ? $"{collection}?{Repetition.MarkerOf(idempotencyKey)}/" : collection;
    }

    private static string MediaType(string contentType)
    {
        int at = contentType.IndexOf(';', StringComparison.Ordinal);
        return (at < 0 ? contentType : contentType[..at]).Trim();
    }

    private static ExecuteResponse Fail(ExecuteRequest request, Error error, string why) => ShimAnswer.Failure(error, $"{request.Method} {request.Url}: {why}");
}
