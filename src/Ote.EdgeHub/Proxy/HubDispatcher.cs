using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;
using Ote.EdgeHub.Cache;
using Ote.EdgeHub.K3s;
using Ote.EdgeHub.Offline;
using Ote.EdgeHub.Sharing;
using Ote.EdgeHub.Witness;
using Ote.Kube.Client;
using Ote.Kube.Server.Access;
using Ote.Kube.Server.Hosting;
using Ote.Kube.Server.Selectors;
using Ote.Kube.Server.Store;

namespace Ote.EdgeHub.Proxy;

/// <summary>Takes each request of the node's components from authentication to where it is answered.</summary>
internal sealed class HubDispatcher(
    CallerAuthenticator authenticator, NodeConnection connection, NodeCache cache, KnownKinds kinds, Followers followers, ObjectServer objects, KeptCalls calls, Documents documents, Forwarding forwarding, LocalWrites writes, K3sDoor? k3s, SharedReads shared, string authorityPem, KubeletSigns signs, HubMetrics metrics, EdgeHubOptions options, TimeProvider time, ILogger log)
{
    /// <summary>A right that is withdrawn counts for so long more, and for a watch until it ends.</summary>
    private static readonly TimeSpan Trust = TimeSpan.FromMinutes(5);

    /// <summary>A watch that has told nothing for so long may have ended unseen.</summary>
    private static readonly TimeSpan Silence = TimeSpan.FromMinutes(2);

    private readonly Refusals _refusals = new(time, log);

    /// <summary>Serves one. Never throws but for a fault of the connection.</summary>
    public async Task HandleAsync(HttpContext context)
    {
        var target = context.Features.Get<IHttpRequestFeature>()!.RawTarget;
        try
        {
            await RouteAsync(context, target).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            // Nobody is left to answer.
        }
        catch (BadHttpRequestException bad)
        {
            await HubStatus.WriteAsync(context, bad.StatusCode, bad.StatusCode == 413 ? "RequestEntityTooLarge" : "BadRequest", bad.Message).ConfigureAwait(false);
        }
        catch (CacheFailedException refused) when (!context.Response.HasStarted)
        {
            var answer = refused.Answer("the request cannot be answered"); // The log has the cause, once.
            await HubStatus.WriteAsync(context, answer.Code, answer.Reason, answer.Message).ConfigureAwait(false);
        }
        catch (SelectorException bad)
        {
            await HubStatus.WriteAsync(context, 400, "BadRequest", bad.Message).ConfigureAwait(false);
        }
#pragma warning disable CA1031 // The end of every request: a fault becomes an answer.
        catch (Exception fault)
#pragma warning restore CA1031
        {
            log.RequestFailed(context.Request.Method, target, fault);
            if (!context.Response.HasStarted)
            {
                await HubStatus.WriteAsync(context, 500, "InternalError", $"the hub could not process the request: {fault.Message}").ConfigureAwait(false);
            }
        }
    }

    private async Task RouteAsync(HttpContext context, string target)
    {
        if (target == PeerProbe.AlivePath)
        {
            if (shared.Offer is { } offer && connection.Connected is not null)
            {
                context.Response.Headers[PeerProbe.SharesHeader] = offer;
            }

            context.Response.StatusCode = signs.Lives ? StatusCodes.Status204NoContent : StatusCodes.Status503ServiceUnavailable;
            return;
        }

        if (target == PeerProbe.AuthorityPath)
        {
            await context.Response.WriteAsync(authorityPem, context.RequestAborted).ConfigureAwait(false);
            return;
        }

        if (k3s is not null && K3sDoor.Concerns(target))
        {
            await k3s.ServeAsync(context, target, RefuseAsync).ConfigureAwait(false);
            return;
        }

        var (caller, reason) = await authenticator.FindAsync(context).ConfigureAwait(false);
        if (caller is null)
        {
            await RefuseAsync(context, reason).ConfigureAwait(false);
            return;
        }

        if (caller.Name == options.Kubelet)
        {
            signs.Heard();
        }

        if (HubHealth.Concerns(context.Request.Method, target) && connection.Standing is var standing && (standing.State != ConnectionState.Connected || HubHealth.IsOwn(target)))
        {
            // Also of who shows a token that nobody can judge now: an API server tells it to anybody.
            metrics.Answered(Route.Document);
            var (code, text) = HubHealth.Of(target, standing.State, standing.Since, cache.Fault is { } cause ? StoreFault.Name(cause.Trouble) : null);
            context.Response.StatusCode = code;
            context.Response.ContentType = "text/plain; charset=utf-8";
            await context.Response.WriteAsync(text, context.RequestAborted).ConfigureAwait(false);
            return;
        }

        if (caller.Identity is not null && HttpMethods.IsGet(context.Request.Method) && Documents.Concerns(target) && await documents.AnswerAsync(context, caller, target, connection.State == ConnectionState.Connected).ConfigureAwait(false))
        {
            metrics.Answered(Route.Document);
            return;
        }

        var request = HubRequest.Of(context.Request, target, caller.Identity is not null && context.Request.Headers["Impersonate-User"].Count == 0, out var fault);
        if (request is null)
        {
            await HubStatus.WriteAsync(context, 400, "BadRequest", $"the request's path is refused: {fault}").ConfigureAwait(false);
            return;
        }

        request = request with
        {
            IsPod = caller.IsPod,
            IsSeenDifferently = cache.View is not null,
            IsKnown = request is { IsComponent: true, TakesJson: true, Path: { } path } && await kinds.FindAsync(path, context.RequestAborted).ConfigureAwait(false) is not null,
        };
        if (request.IsList && cache.Find(CacheQuery.Of(request.Path!)) is { } copy)
        {
            request = request with { IsAmongOurs = copy.IsAmongOurs, IsNewEnough = request.NoOlderThan is { } version && copy.IsNoOlderThan(version) };
        }

        request = request with { IsKeptUp = request.IsAtAnyVersion && connection.State == ConnectionState.Connected && await IsKeptUpAsync(context, caller, CacheQuery.Of(request.Path!)).ConfigureAwait(false) };
        // What keeps the node from being given up is never journalled, and does not wait until the rest has been told.
        var way = connection.State == ConnectionState.Returning && request.IsLeaseOf(options.NodeName) ? Route.Forward : request.Way(connection.State == ConnectionState.Connected, MergeRules.Takes);
        context.Response.OnStarting(() =>
        {
            metrics.Answered(context.Response.StatusCode is StatusCodes.Status503ServiceUnavailable or StatusCodes.Status507InsufficientStorage ? Route.Unanswered : way);
            return Task.CompletedTask;
        });
        var body = way is Route.Keep or Route.WriteHere or Route.Remember ? await KeptCalls.BodyAsync(context.Request, context.RequestAborted).ConfigureAwait(false) : [];
        if (way == Route.Keep && !await calls.SendAsync(context, caller.Identity!, request, target, body).ConfigureAwait(false))
        {
            // It turned out on the way that no API server answers.
            way = request.Way(isConnected: false, MergeRules.Takes);
        }
        else if (way == Route.Keep)
        {
            return;
        }

        await (way switch
        {
            Route.Forward => forwarding.SendAsync(context, caller, target),
            Route.Follow => FollowAsync(context, caller, request, target),
            Route.ReadHere => ReadAsync(context, caller, request),
            Route.WriteHere => WriteAsync(context, caller, request, body),
            Route.Remember => RememberAsync(context, caller, target, body),
            Route.Document => ServeAsync(context, caller, null),
            _ => UnansweredAsync(context, caller, request),
        }).ConfigureAwait(false);
    }

    private Task RefuseAsync(HttpContext context, string reason)
    {
        metrics.Refused();
        _refusals.Add(context.Connection.RemoteIpAddress, $"{context.Request.Method} {context.Request.Path}", reason);
        return HubStatus.WriteAsync(context, 401, "Unauthorized", reason);
    }

    private async Task FollowAsync(HttpContext context, Caller caller, HubRequest request, string target)
    {
        var query = CacheQuery.Of(request.Path!);
        // What this node writes while it is cut off is its own: before any of it, what others read here ends.
        using var connected = request.IsShared && connection.Connected is { } token ? token.Register(context.Abort) : default;
        // A copy of more than is asked for will do, and saves a watch: what is asked for is chosen out of it.
        var wider = cache.Scopes.FirstOrDefault(scope => scope.Query != query && scope.Query.Includes(query));
        var scope = wider is not null && await MayReadAsync(context, caller, wider.Query).ConfigureAwait(false) is null ? wider : null;
        if (scope is null)
        {
            if (await MayReadAsync(context, caller, query).ConfigureAwait(false) is { } refused)
            {
                // One object as kubectl asks for it when it waits for its end: a copy that shows it will do. One that no watch keeps would be told for true for ever, once the node is connected.
                if (refused.Code == 503 && connection.State != ConnectionState.Connected && request.OneName is { } name && ScopeOf(caller, query, name) is { } showing)
                {
                    await (showing.IsBehind ? BehindAsync(context, showing) : request.IsWatch && !showing.Query.IsFollowed ? ServeWhileCutOffAsync(context, caller, showing) : ServeAsync(context, caller, showing)).ConfigureAwait(false);
                    return;
                }

                await (refused.Code == 503 ? UnansweredAsync(context, caller, request) : HubStatus.WriteAsync(context, refused.Code, refused.Reason, refused.Message)).ConfigureAwait(false);
                return;
            }

            try
            {
                scope = cache.Take(query);
            }
            catch (CacheFailedException) when (!request.IsShared && connection.State == ConnectionState.Connected)
            {
                await forwarding.SendAsync(context, caller, target).ConfigureAwait(false); // The node goes on without a copy.
                return;
            }
        }

        if (scope.IsBehind || (cache.Fault is not null && !scope.Complete.IsCompleted))
        {
            await (request.IsShared ? UnansweredAsync(context, caller, request) : connection.State == ConnectionState.Connected && !IsOurs(scope, request) ? forwarding.SendAsync(context, caller, target) : BehindAsync(context, scope)).ConfigureAwait(false);
            return;
        }

        cache.Grant(scope, caller.Name);
        followers.Follow(scope);
        try
        {
            await scope.Complete.WaitAsync(options.AnswerTimeout, time, context.RequestAborted).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            await HubStatus.WriteAsync(context, 504, "Timeout", $"the API server has not told all {query.Plural} within {options.AnswerTimeout.TotalSeconds:0} s").ConfigureAwait(false);
            return;
        }

        if (request.IsShared && (connection.Connected is null || scope.IsDoubtful))
        {
            await UnansweredAsync(context, caller, request).ConfigureAwait(false);
            return;
        }

        if (request.Exactly is { } version && version != scope.Revision)
        {
            await HubStatus.WriteAsync(context, 410, "Expired", $"{query.Plural} as they were at version {version} are not kept here, but as they are at {scope.Revision}").ConfigureAwait(false);
            return;
        }

        cache.Use(scope);
        await ServeAsync(context, caller, scope).ConfigureAwait(false);
    }

    /// <summary>Whether a watch is to begin at a version that may have been given here, which says nothing to the API server.</summary>
    private static bool IsOurs(CacheScope scope, HubRequest request) => request.IsWatch && long.TryParse(request.Path!.Parameter("resourceVersion").FirstOrDefault(), out var from) && from > 0 && scope.MayBeOurs(from);

    /// <summary>What cannot be kept up is not told for the truth: a component that took an object for gone would end what it runs.</summary>
    private Task BehindAsync(HttpContext context, CacheScope scope) => connection.State == ConnectionState.Connected
        ? HubStatus.WriteAsync(context, 410, "Expired", $"this version of {scope.Query.Plural} was given while the node was cut off; list anew")
        : HubStatus.WriteAsync(context, 503, "ServiceUnavailable", $"the node is cut off from its API servers, and its copy of {scope.Query.Plural} could not be kept up before: {cache.Fault?.Message ?? "the disk was full"}");

    /// <summary>Whether a caller may read a query is the API server's to say, and is asked again after a while; null: it may. 503: that was never asked, and cannot be now.</summary>
    private async Task<KubeStatusException?> MayReadAsync(HttpContext context, Caller caller, CacheQuery query)
    {
        var copy = cache.Find(query);
        var granted = copy?.IsGranted(caller.Name) == true;
        var isConnected = connection.State == ConnectionState.Connected;
        if (granted && (!isConnected || copy!.WasAskedSince(caller.Name, time.GetUtcNow() - Trust)))
        {
            return null;
        }

        if (!isConnected)
        {
            return new KubeStatusException(503, "ServiceUnavailable", "the node is cut off");
        }

        try
        {
            // The least that can be asked for: it is only whether it may.
            using var least = new HttpRequestMessage(HttpMethod.Get, query.Target() + "&limit=1");
            least.Headers.TryAddWithoutValidation("Accept", "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io, application/json");
            using var answer = await caller.Identity!.Client.OpenAsync(least, $"list {query.Plural}", context.RequestAborted).ConfigureAwait(false);
            return null;
        }
        catch (KubeStatusException refused)
        {
            if (granted && refused.Code is 401 or 403)
            {
                cache.Revoke(copy!, caller.Name);
            }

            return refused;
        }
        catch (HttpRequestException away)
        {
            return granted ? null : new KubeStatusException(503, "ServiceUnavailable", away.Message);
        }
    }

    /// <summary>One object: from a copy that has it, those that a watch keeps first; nowhere when a copy that would have it has not.</summary>
    private async Task ReadAsync(HttpContext context, Caller caller, HubRequest request)
    {
        var query = CacheQuery.Of(request.Path!);
        var scope = ScopeOf(caller, query, query.Name!);
        await (scope is { IsBehind: true } && connection.State != ConnectionState.Connected ? BehindAsync(context, scope) : scope is null ? UnansweredAsync(context, caller, request) : ServeAsync(context, caller, scope)).ConfigureAwait(false);
    }

    /// <summary>Whether a watch keeps up a copy that has an object, for a caller that may read it. Bookmarks come each minute: a watch that says nothing for longer is not relied on.</summary>
    private async Task<bool> IsKeptUpAsync(HttpContext context, Caller caller, CacheQuery query) =>
        ScopeOf(caller, query, query.Name!) is { Query.IsFollowed: true } scope && scope.IsKeptUpSince(time.GetUtcNow() - Silence) && await MayReadAsync(context, caller, scope.Query).ConfigureAwait(false) is null
            && cache.Find(scope.Id, new StoreKey(query.Resource, query.Namespace ?? "", query.Name!)) is not null;

    /// <summary>The copy that can say of an object what is so, to a caller that may read it; null: none can.</summary>
    private CacheScope? ScopeOf(Caller caller, CacheQuery query, string name)
    {
        var key = new StoreKey(query.Resource, query.Namespace ?? "", name);
        var known = cache.Scopes.Where(scope => scope.Query.Resource == query.Resource && scope.IsGranted(caller.Name)).ToList();
        return known.Find(candidate => candidate.Query.IsFollowed && cache.Find(candidate.Id, key) is not null)
            ?? known.Find(candidate => candidate.Query.Covers(key) && candidate.Complete.IsCompleted)
            ?? known.Find(candidate => cache.Find(candidate.Id, key) is not null || cache.EndedHere(key));
    }

    private async Task WriteAsync(HttpContext context, Caller caller, HubRequest request, byte[] body)
    {
        if (writes.Refusal(caller, request, context.Request.ContentType, body) is { } refused)
        {
            await HubStatus.WriteAsync(context, refused.Code, refused.Reason, refused.Message).ConfigureAwait(false);
            return;
        }

        context.Request.Body = new MemoryStream(body);
        await ServeAsync(context, caller, null).ConfigureAwait(false);
    }

    private async Task RememberAsync(HttpContext context, Caller caller, string target, byte[] body)
    {
        if (cache.Kept(KeptCalls.Question(caller.Name, target, body)) is not { } answer)
        {
            await HubStatus.WriteAsync(context, 503, "ServiceUnavailable", "the node is cut off from its API servers, and this was not asked before").ConfigureAwait(false);
            return;
        }

        context.Response.StatusCode = 201;
        context.Response.ContentType = "application/json";
        await context.Response.Body.WriteAsync(answer, context.RequestAborted).ConfigureAwait(false);
    }

    private async Task ServeWhileCutOffAsync(HttpContext context, Caller caller, CacheScope scope)
    {
        var served = ServeAsync(context, caller, scope);
        if (await Task.WhenAny(served, connection.WhenConnected).ConfigureAwait(false) != served)
        {
            context.Abort();
        }

        await served.ConfigureAwait(false);
    }

    private Task ServeAsync(HttpContext context, Caller caller, CacheScope? scope)
    {
        context.Features.Set(new ApiUserFeature(new UserInfo(caller.Name, [UserInfo.Masters, UserInfo.Authenticated])));
        return objects.HandleAsync(context, scope);
    }

    private static Task UnansweredAsync(HttpContext context, Caller caller, HubRequest request) => HubStatus.WriteAsync(context, 503, "ServiceUnavailable", Unanswered.Text(request, caller.Name, caller.Identity is not null));
}
