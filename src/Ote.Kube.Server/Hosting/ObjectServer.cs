using System.Diagnostics.Metrics;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Ote.Kube.Objects;
using Ote.Kube.Server.Access;
using Ote.Kube.Server.Access.Rbac;
using Ote.Kube.Server.Access.Reviews;
using Ote.Kube.Server.Access.ServiceAccounts;
using Ote.Kube.Server.Http;
using Ote.Kube.Server.Lifecycle;
using Ote.Kube.Server.Store;
using Ote.Kube.Server.Watching;

namespace Ote.Kube.Server.Hosting;

/// <summary>
/// The API server's reading, watching and writing on objects that its host keeps: selectors, pages, tables, patches, versions and errors are the same. The host has authenticated the caller
/// (<see cref="ApiUserFeature"/>) and has decided that it may do what it asks; namespaces, quotas and limits are not asked here, since what the host keeps need not hold them. Built-in kinds, and those that the host names. Thread-safe.
/// </summary>
public sealed class ObjectServer : IDisposable
{
    private readonly Meter _meter;
    private readonly ServedCatalog _served;
    private readonly Dispatcher _dispatcher;
    private readonly CancellationTokenSource _stopping = new();

    /// <summary>Serves the objects of a store.</summary>
    /// <param name="objects">Where they are.</param>
    /// <param name="options">Limits of requests and watches; what concerns data, addresses and users is not used.</param>
    /// <param name="loggers">Where it logs.</param>
    /// <param name="time">The clock.</param>
    public ObjectServer(IObjectStore objects, ApiServerOptions options, ILoggerFactory loggers, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(objects);
        ArgumentNullException.ThrowIfNull(options);
        var log = loggers.CreateLogger("Ote.Kube.Server");
        _meter = new Meter(new MeterOptions("Ote.Kube.Server") { Tags = [new("server", options.Name)] });
        _served = new ServedCatalog(objects, log);
        var roles = new RbacTable();
        var authorizer = new RbacAuthorizer(roles, new Allowed());
        var accounts = new ServiceAccountTokens(new Lazy<TokenSigner>(NoSigner), options.ServiceAccountIssuer, objects, options.NewUid, time);
        var bearers = new BearerTokens(new TokenTable(options.Tokens), accounts);
        var writer = new ObjectWriter(objects, _served, null, options.Admission, time, options.NewUid)
        {
            PodsEndGracefully = true,
            Limits = new Admission.Limits.LimitRanger(new Admission.Limits.LimitRangeTable()),
        };
        var sources = new ObjectSources(objects, null);
        var deletion = new DeleteHandler(objects, writer, options);
        _dispatcher = new Dispatcher(
            new Authenticator(new Lazy<ServerPki>(NoPki), bearers, time), new Impersonation(authorizer), authorizer, _served, sources, null,
            new Handlers(
                new ReadHandler(sources, options.MaxPage, time), new WatchHandler(sources, options, time, log, _stopping.Token), new WriteHandler(objects, writer, options), deletion,
                new ReviewHandler(authorizer, roles, bearers, options), new PodHandler(objects, writer, deletion, options, new DisruptionBudgets(objects, writer, _served, time)),
                new PodStreamHandler(objects, null), new TokenRequestHandler(accounts, objects, time, options),
                new DocumentHandler(VersionInfo.Current, accounts, () => Task.FromResult<StoreFailedException?>(null)), new DownloadHandler(options.Downloads)),
            new FairGate(options.MaxRequests, options.MaxWaitingOfUser, options.MaxWaitingOfUser, options.MaxWait, time), new RequestFrame(null, new RequestMetrics(_meter, time), log), time);
    }

    /// <summary>Serves one request; its caller is who <see cref="ApiUserFeature"/> says. Never throws but for a fault of the connection.</summary>
    /// <param name="context">The request.</param>
    /// <param name="view">What it is read and watched from; null: the store.</param>
    public Task HandleAsync(HttpContext context, IObjectSource? view = null)
    {
        ArgumentNullException.ThrowIfNull(context);
        context.Features.Set(view);
        return _dispatcher.HandleAsync(context);
    }

    /// <summary>Serves a kind that is not built in, of any group but the core's: its objects are taken as they are.</summary>
    public void Serve(ResourceRef kind)
    {
        ArgumentNullException.ThrowIfNull(kind);
        _served.Serve(kind);
    }

    /// <summary>The kind of a path; null when it is neither built in nor named by the host.</summary>
    /// <param name="group">Empty for the core.</param>
    /// <param name="version">Such as <c>v1</c>.</param>
    /// <param name="plural">Such as <c>pods</c>.</param>
    public ResourceRef? KindOf(string group, string version, string plural) =>
        _served.Current.Find(group, version, plural) is { } kind ? new ResourceRef(group, version, plural, kind.Kind, kind.Namespaced) : null;

    /// <summary>Ends its watches.</summary>
    public void Dispose()
    {
        _stopping.Cancel();
        _stopping.Dispose();
        _served.Dispose();
        _meter.Dispose();
    }

    private static TokenSigner NoSigner() => throw new InvalidOperationException("tokens are signed by an API server, not here");

    private static ServerPki NoPki() => throw new InvalidOperationException("the host authenticates callers, not this");

    private sealed class Allowed : IAuthorizer
    {
        public string? Refuse(UserInfo user, AccessRequest request) => null;
    }
}
