using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Ote.Kube.Server.Access;
using Ote.Kube.Server.Access.Rbac;
using Ote.Kube.Server.Access.Reviews;
using Ote.Kube.Server.Access.ServiceAccounts;
using Ote.Kube.Server.Audit;
using Ote.Kube.Server.Lifecycle;
using Ote.Kube.Server.Store;
using Ote.Kube.Server.Watching;

namespace Ote.Kube.Server.Http;

/// <summary>The handlers a request may end at.</summary>
internal sealed record Handlers(ReadHandler Read, WatchHandler Watch, WriteHandler Write, DeleteHandler Delete, ReviewHandler Reviews, PodHandler Pod, PodStreamHandler Streams, TokenRequestHandler Tokens, DocumentHandler Documents, DownloadHandler Downloads);

/// <summary>
/// Takes each request from authentication to its handler. Whatever goes wrong ends in a Status; only faults of ours are 500 and
/// are logged.
/// </summary>
internal sealed class Dispatcher(
    Authenticator authenticator, Impersonation impersonation, RbacAuthorizer authorizer, ServedCatalog served, ObjectSources sources, IClusterGate? clusters, Handlers handlers, FairGate gate, AuditBackend? audit, RequestMetrics metrics, TimeProvider time, ILogger log)
{
    public async Task HandleAsync(HttpContext context)
    {
        var began = metrics.Begin();
        var trail = audit?.Begin(context);
        var verb = "";
        ApiError? failed = null;
        var gone = false;
        try
        {
            verb = await RouteAsync(context, trail).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            gone = true; // nobody is left to answer
        }
#pragma warning disable CA1031 // The end of every request: a fault becomes an answer.
        catch (Exception fault)
#pragma warning restore CA1031
        {
            failed = ToError(context, fault);
            await ReportAsync(context, failed).ConfigureAwait(false);
        }
        finally
        {
            if (trail is not null)
            {
                await trail.EndedAsync(failed, gone).ConfigureAwait(false);
            }

            metrics.End(began, verb.Length == 0 ? context.Request.Method.ToLowerInvariant() : verb, context.Response.StatusCode);
        }
    }

    private static async Task ReportAsync(HttpContext context, ApiError error)
    {
        try
        {
            await Answers.ErrorAsync(context, error).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            // Gone before it could read the error.
        }
        catch (IOException)
        {
            // As above, noticed by the socket first.
        }
    }

    private ApiError ToError(HttpContext context, Exception fault)
    {
        switch (fault)
        {
            case ApiError error:
                return error;
            case BadHttpRequestException bad:
                return bad.StatusCode == 413 ? new ApiError(413, "RequestEntityTooLarge", bad.Message) : ApiError.BadRequest(bad.Message);
            case RevisionExpiredException:
                return ApiError.Expired("The resourceVersion for the provided list is too old.");
            case StoreBusyException busy:
                return ApiError.TooManyRequests(busy.Message);
            case StoreFailedException failed:
                return ApiError.Stored(failed); // in the log already, once
            default:
                log.RequestFailed(context.Request.Method, context.Request.Path.Value ?? "", fault);
                return ApiError.Internal("the request could not be processed; the server's log says why");
        }
    }

    private async Task<string> RouteAsync(HttpContext context, AuditTrail? trail)
    {
        var path = context.Request.Path.Value ?? "/";
        var resource = ResourcePath.Parse(path);
        var verb = resource is null ? context.Request.Method.ToLowerInvariant() : Verb(context, resource);
        var scope = resource is { Group: "", Plural: "namespaces", Name: { } own } ? own : resource?.Namespace;
        trail?.Asks(verb ?? context.Request.Method.ToLowerInvariant(), resource, scope);
        var caller = await authenticator.AuthenticateAsync(context).ConfigureAwait(false) ?? throw ApiError.Unauthorized();
        if (trail is not null)
        {
            await trail.ByAsync(caller).ConfigureAwait(false);
        }

        var user = impersonation.Apply(context.Request.Headers, caller);
        if (trail is not null && !ReferenceEquals(user, caller))
        {
            trail.Impersonated = user;
        }

        if (clusters is not null && ClusterPath.Of(context) is { } elsewhere)
        {
            return await ForwardAsync(context, user, elsewhere, trail).ConfigureAwait(false);
        }

        if (resource is not null)
        {
            await ResourceAsync(context, user, verb ?? throw ApiError.MethodNotAllowed(), resource, scope, trail).ConfigureAwait(false);
            return verb;
        }

        if (Refuse(user, new AccessRequest(verb!, "", "", null, null, path), trail) is { } reason)
        {
            throw user == UserInfo.Anonymous
                ? ApiError.Unauthorized()
                : new ApiError(403, "Forbidden", $"forbidden: User \"{user.Name}\" cannot {verb} path \"{path}\"{Because(reason)}", new System.Text.Json.Nodes.JsonObject());
        }

        await (handlers.Downloads.Serves(path)
            ? handlers.Downloads.HandleAsync(context, path)
            : handlers.Documents.HandleAsync(context, served.Current, path)).ConfigureAwait(false);
        return verb!;
    }

    /// <summary>What is done there is judged here by its verb alone; the cluster judges the rest, as of this user.</summary>
    private async Task<string> ForwardAsync(HttpContext context, UserInfo user, ClusterPath path, AuditTrail? trail)
    {
        // A WebSocket begins with GET, whatever it is for.
        var verb = ResourcePath.Parse(path.Path) is not { } there ? context.Request.Method is "GET" or "HEAD" ? "get" : "create"
            : there.Subresource is "exec" or "attach" or "portforward" || there.Subresource?.StartsWith("proxy", StringComparison.Ordinal) == true ? "create"
            : Verb(context, there) ?? throw ApiError.MethodNotAllowed();
        var meant = new ResourcePath("ote.baidu.com", "v1", null, "clusters", path.Cluster, "proxy");
        if (Refuse(user, new AccessRequest(verb, meant.Group, "clusters/proxy", null, path.Cluster), trail) is { } reason)
        {
            throw user == UserInfo.Anonymous ? ApiError.Unauthorized() : Forbidden(user, verb, meant, "clusters/proxy", null, reason);
        }

        AskedMoment.CheckForwarded(context.Request.Query);
        await clusters!.ForwardAsync(context, path.Cluster, user, path.Target).ConfigureAwait(false);
        return verb;
    }

    /// <summary>Null when allowed, else the reason; noted either way.</summary>
    private string? Refuse(UserInfo user, AccessRequest asked, AuditTrail? trail)
    {
        var allowed = authorizer.Allows(user, asked, out var reason);
        if (trail is not null)
        {
            trail.Decision = (allowed, reason);
        }

        return allowed ? null : reason;
    }

    private async Task ResourceAsync(HttpContext context, UserInfo user, string verb, ResourcePath path, string? scope, AuditTrail? trail)
    {
        var resource = path.Subresource is null ? path.Plural : $"{path.Plural}/{path.Subresource}";
        IReadOnlySet<string>? among = null;
        var at = AskedMoment.Of(context.Request.Query);
        // Anyone who is known may ask about themselves.
        if (!(verb == "create" && user != UserInfo.Anonymous && ReviewHandler.IsOfSelf(path))
            && Refuse(user, new AccessRequest(verb, path.Group, resource, scope, path.Name ?? NameMeant(context, verb)), trail) is { } reason)
        {
            among = await AmongAsync(user, verb, path, resource, at, trail, context.RequestAborted).ConfigureAwait(false);
            if (among.Count == 0)
            {
                throw user == UserInfo.Anonymous ? ApiError.Unauthorized() : Forbidden(user, verb, path, resource, scope, reason);
            }
        }

        var catalog = served.Current;
        var kind = catalog.Find(path.Group, path.Version, path.Plural) ?? throw ApiError.NoSuchPath();
        if ((path.Namespace is not null && !kind.Namespaced) || (path.Namespace is null && path.Name is not null && kind.Namespaced))
        {
            throw ApiError.NoSuchPath();
        }

        var request = new ApiRequest(context, user, catalog, kind, path) { Audit = trail, Among = among, At = at };
        AskedMoment.Check(request, verb, sources.Of(request.Resource), sources.IsMirrored(request.Resource), time.GetUtcNow());
        if (user.IsMaster || verb == "watch" || PodStreamHandler.Serves(request))
        {
            await ServeAsync(request, verb).ConfigureAwait(false);
            return;
        }

        if (!await gate.EnterAsync(user.Name, context.RequestAborted).ConfigureAwait(false))
        {
            throw ApiError.TooManyRequests($"too many requests of user \"{user.Name}\" are waiting, please try again later");
        }

        try
        {
            await ServeAsync(request, verb).ConfigureAwait(false);
        }
        finally
        {
            gate.Leave();
        }
    }

    private Task ServeAsync(ApiRequest request, string verb)
    {
        var sub = request.Path.Subresource;
        if (sub is null)
        {
            if (!request.Kind.Serves(verb))
            {
                throw ApiError.MethodNotAllowed();
            }

            if (sources.IsMirrored(request.Resource) && verb is not ("get" or "list" or "watch"))
            {
                return AtItsClusterAsync(request, verb);
            }

            // They name workloads of a cluster, and nobody acts on them but that cluster.
            if (clusters is not null && verb == "create" && (request.Kind.Group, request.Kind.Plural) is ("autoscaling", "horizontalpodautoscalers") or ("policy", "poddisruptionbudgets"))
            {
                throw ApiError.OfClusters(request.Kind);
            }

            return verb switch
            {
                "get" => handlers.Read.GetAsync(request),
                "list" => handlers.Read.ListAsync(request),
                "watch" => handlers.Watch.HandleAsync(request),
                // Creation in a namespaced collection needs the namespace in the path.
                "create" when request.Path.Name is not null || (request.Kind.Namespaced && request.Path.Namespace is null) => throw ApiError.MethodNotAllowed(),
                "create" when ReviewHandler.Serves(request.Kind) => handlers.Reviews.HandleAsync(request),
                "create" => handlers.Write.CreateAsync(request),
                "update" => handlers.Write.UpdateAsync(request),
                "patch" => handlers.Write.PatchAsync(request),
                "delete" => handlers.Delete.DeleteAsync(request),
                "deletecollection" => handlers.Delete.DeleteCollectionAsync(request),
                _ => throw ApiError.MethodNotAllowed(),
            };
        }

        if (sources.IsMirrored(request.Resource) && (sub, verb) is not ("status", "get"))
        {
            return AtItsClusterAsync(request, verb);
        }

        if (PodStreamHandler.Serves(request))
        {
            return handlers.Streams.HandleAsync(request, verb);
        }

        var part = request.Kind.Subresource(sub) ?? throw ApiError.NoSuchPath();
        if (!part.Verbs.Contains(verb))
        {
            throw ApiError.MethodNotAllowed();
        }

        return (sub, verb) switch
        {
            ("status" or "ephemeralcontainers", "get") => handlers.Read.GetAsync(request),
            ("scale", "get") => handlers.Write.GetScaleAsync(request),
            ("status" or "scale" or "finalize" or "ephemeralcontainers", "update") => handlers.Write.UpdateAsync(request),
            ("status" or "scale" or "ephemeralcontainers", "patch") => handlers.Write.PatchAsync(request),
            ("binding", "create") => handlers.Pod.BindAsync(request),
            ("token", "create") => handlers.Tokens.HandleAsync(request),
            ("eviction", "create") => handlers.Pod.EvictAsync(request),
            _ => throw ApiError.MethodNotAllowed(),
        };
    }

    /// <summary>
    /// The clusters of whose objects a user may ask what it may not ask of all: by the verb on <c>clusters/KIND</c>, such as <c>clusters/pods</c> or <c>clusters/deployments.apps</c>, by the cluster's
    /// name. Of a named object that is its own cluster or none, so that who may not see one does not learn that it is there.
    /// </summary>
    private async Task<IReadOnlySet<string>> AmongAsync(UserInfo user, string verb, ResourcePath path, string resource, DateTimeOffset? at, AuditTrail? trail, CancellationToken cancellation)
    {
        var place = $"{path.Group}/{path.Plural}";
        if (!sources.IsMirrored(place))
        {
            return new HashSet<string>();
        }

        var source = sources.Of(place);
        // Of a moment that is not kept it is not known whose an object was: who may see those of some cluster is told so, as for a list.
        var isKnown = at is null || at >= source.KeptSince;
        var key = new StoreKey(place, path.Namespace ?? "", path.Name ?? "");
        var names = path.Name is null || !isKnown ? await source.ClustersAsync(cancellation).ConfigureAwait(false)
            : await source.FindAsync(key, at, cancellation).ConfigureAwait(false) is { } stored && source.OriginOf(stored) is { } origin ? [origin.Cluster]
            : [];
        var meant = path.Group.Length == 0 ? resource : path.Subresource is null ? $"{path.Plural}.{path.Group}" : $"{path.Plural}.{path.Group}/{path.Subresource}";
        var allowed = names.Where(name => authorizer.Allows(user, new AccessRequest(verb, "ote.baidu.com", $"clusters/{meant}", path.Namespace, name), out _)).ToHashSet(StringComparer.Ordinal);
        if (trail is not null && allowed.Count > 0)
        {
            trail.Decision = (true, $"{verb} of clusters/{meant}");
        }

        return allowed;
    }

    /// <summary>
    /// What is asked of an object that is shown from elsewhere goes to its cluster, under the name it has there, and comes back by report. A body names things as the cluster has
    /// them: one that replaces the whole object would give it the name it has here, and is refused.
    /// </summary>
    private async Task AtItsClusterAsync(ApiRequest request, string verb)
    {
        var isWhole = verb is "create" or "update" && request.Path.Subresource is null;
        if (clusters is null || request.Path.Name is null || isWhole)
        {
            throw ApiError.OfClusters(request.Kind);
        }

        var source = sources.Of(request.Resource);
        var stored = await source.FindAsync(request.Key, request.Aborted).ConfigureAwait(false) ?? throw ApiError.NotFound(request.Kind, request.Name);
        var origin = source.OriginOf(stored) ?? throw ApiError.OfClusters(request.Kind);
        await OriginBody.TranslateAsync(request.Context.Request, request.Path, origin, request.Aborted).ConfigureAwait(false);
        var target = request.Path.Target(origin.Name, origin.ApiVersion) + request.Context.Request.QueryString.ToUriComponent();
        if (verb is "update" or "patch" or "delete" && request.Query.Text("dryRun") is null)
        {
            await HeldAnswer.ForwardAsync(clusters, request, origin, target, source, stored, time).ConfigureAwait(false);
        }
        else
        {
            await clusters.ForwardAsync(request.Context, origin.Cluster, request.User, target).ConfigureAwait(false);
        }
    }

    /// <summary>In the words of RBAC; null for a method that there is not.</summary>
    private static string? Verb(HttpContext context, ResourcePath path)
    {
        var watch = context.Request.Query.Flag("watch");
        return context.Request.Method switch
        {
            "GET" or "HEAD" when watch && path.Subresource is null => "watch",
            "GET" or "HEAD" => path.Name is null ? "list" : "get",
            "POST" => "create",
            "PUT" => "update",
            "PATCH" => "patch",
            "DELETE" => path.Name is null ? "deletecollection" : "delete",
            _ => null,
        };
    }

    /// <summary>A collection of which only one object is asked for is judged as that object is.</summary>
    private static string? NameMeant(HttpContext context, string verb)
    {
        const string Named = "metadata.name=";
        return verb is "list" or "watch" or "deletecollection" && context.Request.Query.Text("fieldSelector") is { } selector
            && selector.StartsWith(Named, StringComparison.Ordinal) && !selector.Contains(',', StringComparison.Ordinal) && selector.Length > Named.Length
            ? selector[Named.Length..].TrimStart('=')
            : null;
    }

    private static ApiError Forbidden(UserInfo user, string verb, ResourcePath path, string resource, string? ns, string reason)
    {
        var where = string.IsNullOrEmpty(ns) ? "at the cluster scope" : $"in the namespace \"{ns}\"";
        var plural = path.Group.Length == 0 ? path.Plural : $"{path.Plural}.{path.Group}";
        var what = path.Name is null ? plural : $"{plural} \"{path.Name}\"";
        var details = new System.Text.Json.Nodes.JsonObject();
        if (path.Name is not null)
        {
            details["name"] = path.Name;
        }

        if (path.Group.Length > 0)
        {
            details["group"] = path.Group;
        }

        details["kind"] = path.Plural;
        return new ApiError(
            403, "Forbidden",
            $"{what} is forbidden: User \"{user.Name}\" cannot {verb} resource \"{resource}\" in API group \"{path.Group}\" {where}{Because(reason)}", details);
    }

    private static string Because(string reason) => reason.Length == 0 ? "" : $": {reason}";
}
