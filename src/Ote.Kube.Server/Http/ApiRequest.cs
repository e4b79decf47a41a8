using Microsoft.AspNetCore.Http;
using Ote.Kube.Server.Access;
using Ote.Kube.Server.Audit;
using Ote.Kube.Server.Lifecycle;
using Ote.Kube.Server.Schema;
using Ote.Kube.Server.Store;

namespace Ote.Kube.Server.Http;

/// <summary>A request for a served kind, past authentication and authorisation.</summary>
/// <param name="Context">The connection's side of it.</param>
/// <param name="User">Who asks; the impersonated user where one acts for another.</param>
/// <param name="Catalog">What is served, as of the beginning of the request.</param>
/// <param name="Kind">The kind and version asked for.</param>
/// <param name="Path">What is asked for.</param>
internal sealed record ApiRequest(HttpContext Context, UserInfo User, SchemaCatalog Catalog, KindInfo Kind, ResourcePath Path)
{
    /// <summary>The clusters whose objects the user may see; null: all.</summary>
    public IReadOnlySet<string>? Among { get; init; }

    /// <summary>The moment as of which objects are wanted; null: now.</summary>
    public DateTimeOffset? At { get; init; }

    /// <summary>What is noted of it; null: nothing is.</summary>
    public AuditTrail? Audit { get; init; }

    /// <summary>The query parameters.</summary>
    public IQueryCollection Query => Context.Request.Query;

    /// <summary>Fires when the client has gone.</summary>
    public CancellationToken Aborted => Context.RequestAborted;

    /// <summary>Name of the object; only where the path has one.</summary>
    public string Name => Path.Name ?? throw ApiError.MethodNotAllowed();

    /// <summary>Where the kind lies in the store.</summary>
    public string Resource => ServedCatalog.ResourceOf(Kind);

    /// <summary>The key of the object that the path names.</summary>
    public StoreKey Key => new(Resource, Kind.Namespaced ? Path.Namespace ?? "" : "", Name);

    /// <summary>The parameters of a write, from the query.</summary>
    public WriteContext Write() => new(User, Kind, Path.Namespace ?? "")
    {
        Subresource = Path.Subresource is "status" or "finalize" or "ephemeralcontainers" ? Path.Subresource : null,
        ManagedBy = Path.Subresource,
        Manager = WriteOptions.Manager(Context.Request),
        DryRun = WriteOptions.DryRun(Context.Request),
        Validation = WriteOptions.Validation(Context.Request),
        Warn = text => Answers.Warn(Context, text),
    };

    /// <summary>Whether an apply takes over what others own.</summary>
    public bool Force => Query.Flag("force");

    /// <summary>Refuses a patch whose options do not go together.</summary>
    /// <exception cref="ApiError">422.</exception>
    public void CheckPatchOptions(bool applies) => WriteOptions.CheckPatch(Query, applies);
}
