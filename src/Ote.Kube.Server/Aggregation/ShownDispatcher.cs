using Microsoft.AspNetCore.Http;
using Ote.Kube.Server.Access;
using Ote.Kube.Server.Audit;
using Ote.Kube.Server.Http;
using Ote.Kube.Server.Split;
using Ote.Kube.Server.Store;
using Ote.Kube.Server.Watching;

namespace Ote.Kube.Server.Aggregation;

/// <summary>What the requests of an <see cref="AggregatedServer"/> are served by.</summary>
internal sealed record ShownHandlers(ReadHandler Read, WatchHandler Watch, OriginHandler Origin, ShownDocuments Documents)
{
    /// <summary>What is shown, where it is divided; null: it is not.</summary>
    public ShardTable? Shards { get; init; }

    /// <summary>Watches of what is divided.</summary>
    public SplitWatchHandler? Split { get; init; }
}

/// <summary>
/// Takes each request from the API server in front to who answers it. That server has judged the path; whose objects are seen, and in which cluster something is done, is judged here, by what was understood of it.
/// </summary>
internal sealed class ShownDispatcher(
    string group, string version, ShownCatalog shown, ObjectSources sources, IClusterGate clusters, FrontProxyKeeper front, AccessReviews reviews, ClustersAllowed allowed, ShownHandlers handlers, FairGate gate, TimeProvider time)
{
    private readonly string _prefix = $"/apis/{group}/{version}/clusters/";

    /// <summary>Answers a request and tells its verb.</summary>
    public async Task<string> RouteAsync(HttpContext context, AuditTrail? trail)
    {
        var path = context.Request.Path.Value ?? "/";
        var resource = ResourcePath.Parse(path);
        var verb = resource is null ? context.Request.Method.ToLowerInvariant() : RequestVerb.Of(context, resource);
        trail?.Asks(verb ?? context.Request.Method.ToLowerInvariant(), resource, resource?.Namespace);
        if (ShownDocuments.IsOpen(path))
        {
            await handlers.Documents.HandleAsync(context, path, front.Trust is null ? front.Fault : null).ConfigureAwait(false);
            return "get";
        }

        var user = Authenticate(context);
        if (trail is not null)
        {
            await trail.ByAsync(user).ConfigureAwait(false);
        }

        if (ClusterPath.Of(context, _prefix, "/proxy") is { } elsewhere)
        {
            return await ForwardAsync(context, user, elsewhere, trail).ConfigureAwait(false);
        }

        if (resource is null)
        {
            await handlers.Documents.HandleAsync(context, path, trouble: null).ConfigureAwait(false);
            return verb!;
        }

        await ResourceAsync(context, user, verb ?? throw ApiError.MethodNotAllowed(), resource, trail).ConfigureAwait(false);
        return verb;
    }

    private UserInfo Authenticate(HttpContext context)
    {
        if (front.Trust is not { } trust)
        {
            throw new ApiError(503, "ServiceUnavailable", front.Fault) { RetryAfterSeconds = 1 };
        }

        return context.Connection.ClientCertificate is { } certificate && trust.Believes(certificate, time.GetUtcNow()) && FrontProxyUser.Take(context.Request.Headers, trust) is { } user
            ? user
            : throw ApiError.Unauthorized();
    }

    private async Task<string> ForwardAsync(HttpContext context, UserInfo user, ClusterPath path, AuditTrail? trail)
    {
        var verb = RequestVerb.AtCluster(context, path.Path) ?? throw ApiError.MethodNotAllowed();
        var answer = await reviews.AskAsync(user, new AccessRequest(verb, ClusterPart.Group, ClusterPart.Proxy, null, path.Cluster), context.RequestAborted).ConfigureAwait(false);
        if (trail is not null)
        {
            trail.Decision = (answer.Allowed, answer.Reason);
        }

        if (!answer.Allowed)
        {
            throw AccessRefusal.Of(user, verb, new ResourcePath(ClusterPart.Group, "v1", null, "clusters", path.Cluster, "proxy"), ClusterPart.Proxy, null, answer.Reason);
        }

        AskedMoment.CheckForwarded(context.Request.Query);
        await StreamedAnswer.ForwardAsync(clusters, context, user, path).ConfigureAwait(false);
        return verb;
    }

    private async Task ResourceAsync(HttpContext context, UserInfo user, string verb, ResourcePath path, AuditTrail? trail)
    {
        var catalog = shown.Current;
        var kind = catalog.Find(path.Group, path.Version, path.Plural);
        if (kind is null)
        {
            catalog = await shown.LatestAsync(context.RequestAborted).ConfigureAwait(false);
            kind = catalog.Find(path.Group, path.Version, path.Plural) ?? throw ApiError.NoSuchPath();
        }

        if ((path.Namespace is not null && !kind.Namespaced) || (path.Namespace is null && path.Name is not null && kind.Namespaced))
        {
            throw ApiError.NoSuchPath();
        }

        var request = new ApiRequest(context, user, catalog, kind, path) { Audit = trail, At = AskedMoment.Of(context.Request.Query) };
        if (handlers.Shards is { } shards)
        {
            var view = new SplitView(shards, context);
            context.Features.Set<IObjectSource>(view);
            if (request.At is not null)
            {
                await view.LookAsync(context.RequestAborted).ConfigureAwait(false);
            }
        }

        AskedMoment.Check(request, verb, sources.Of(request), isMirrored: true, time.GetUtcNow());
        request = request with { Among = await allowed.OfAsync(request, verb).ConfigureAwait(false) };
        if (user.IsMaster || verb == "watch" || IsStream(path))
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

    private static bool IsStream(ResourcePath path) => path.Subresource == "log" || RequestVerb.Opens(path);

    private Task ServeAsync(ApiRequest request, string verb) => (request.Path.Subresource, verb) switch
    {
        (null or "status", "get") => handlers.Read.GetAsync(request),
        (null, "list") => handlers.Read.ListAsync(request),
        (null, "watch") when handlers.Split is { } split => split.HandleAsync(request, (SplitView)sources.Of(request)),
        (null, "watch") => handlers.Watch.HandleAsync(request),
        _ => handlers.Origin.HandleAsync(request, verb),
    };
}
