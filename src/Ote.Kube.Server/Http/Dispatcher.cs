using Microsoft.AspNetCore.Http;
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

/// <summary>Takes each request from authentication to its handler.</summary>
internal sealed class Dispatcher(
    Authenticator authenticator, Impersonation impersonation, RbacAuthorizer authorizer, ServedCatalog served, ObjectSources sources, IClusterGate? clusters, Handlers handlers, FairGate gate, RequestFrame frame, TimeProvider time)
{
    private readonly OriginHandler _origins = new(sources, clusters, time);

    public Task HandleAsync(HttpContext context) => frame.HandleAsync(context, RouteAsync);

    private async Task<string> RouteAsync(HttpContext context, AuditTrail? trail)
    {
        var path = context.Request.Path.Value ?? "/";
        var resource = ResourcePath.Parse(path);
        var verb = resource is null ? context.Request.Method.ToLowerInvariant() : RequestVerb.Of(context, resource);
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
                : new ApiError(403, "Forbidden", $"forbidden: User \"{user.Name}\" cannot {verb} path \"{path}\"{AccessRefusal.Because(reason)}", new System.Text.Json.Nodes.JsonObject());
        }

        await (handlers.Downloads.Serves(path)
            ? handlers.Downloads.HandleAsync(context, path)
            : handlers.Documents.HandleAsync(context, served.Current, path)).ConfigureAwait(false);
        return verb!;
    }

    /// <summary>What is done there is judged here by its verb alone; the cluster judges the rest, as of this user.</summary>
    private async Task<string> ForwardAsync(HttpContext context, UserInfo user, ClusterPath path, AuditTrail? trail)
    {
        var verb = RequestVerb.AtCluster(context, path.Path) ?? throw ApiError.MethodNotAllowed();
        var meant = new ResourcePath(ClusterPart.Group, "v1", null, "clusters", path.Cluster, "proxy");
        if (Refuse(user, new AccessRequest(verb, meant.Group, ClusterPart.Proxy, null, path.Cluster), trail) is { } reason)
        {
            throw user == UserInfo.Anonymous ? ApiError.Unauthorized() : AccessRefusal.Of(user, verb, meant, ClusterPart.Proxy, null, reason);
        }

        AskedMoment.CheckForwarded(context.Request.Query);
        await StreamedAnswer.ForwardAsync(clusters!, context, user, path).ConfigureAwait(false);
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
            && Refuse(user, new AccessRequest(verb, path.Group, resource, scope, path.Name ?? RequestVerb.NameMeant(context, verb)), trail) is { } reason)
        {
            among = await AmongAsync(user, verb, path, resource, at, trail, context.RequestAborted).ConfigureAwait(false);
            if (among.Count == 0)
            {
                throw user == UserInfo.Anonymous ? ApiError.Unauthorized() : AccessRefusal.Of(user, verb, path, resource, scope, reason);
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
                return _origins.HandleAsync(request, verb);
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
            return _origins.HandleAsync(request, verb);
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
        var meant = ClusterPart.Of(path.Group, path.Plural, path.Subresource);
        var allowed = names.Where(name => authorizer.Allows(user, new AccessRequest(verb, ClusterPart.Group, meant, path.Namespace, name), out _)).ToHashSet(StringComparer.Ordinal);
        if (trail is not null && allowed.Count > 0)
        {
            trail.Decision = (true, $"{verb} of {meant}");
        }

        return allowed;
    }
}
