using Ote.Kube.Server.Http;

namespace Ote.Kube.Server.Store;

/// <summary>Where each kind is read from: the own store, or what mirrors other clusters.</summary>
/// <param name="own">The own store; null: this server shows what others have and nothing else.</param>
/// <param name="mirror">What mirrors other clusters; null: there is none.</param>
internal sealed class ObjectSources(IObjectStore? own, IObjectSource? mirror)
{
    /// <summary>Tells of which kinds that the mirror has the server keeps objects of its own, which are those that are read then.</summary>
    public Func<string, bool> IsOwn { get; init; } = static _ => false;

    /// <summary>Where a kind is read from.</summary>
    /// <param name="resource"><c>group/plural</c>.</param>
    public IObjectSource Of(string resource) => IsMirrored(resource) ? mirror! : own ?? throw ApiError.NoSuchPath();

    /// <summary>Where a request is answered from: what its host names (<c>HttpContext.Features</c>), else where its kind is read from.</summary>
    public IObjectSource Of(ApiRequest request) => request.Context.Features.Get<IObjectSource>() ?? Of(request.Resource);

    /// <summary>Whether the objects of a kind are those of other clusters, which are not written here.</summary>
    public bool IsMirrored(string resource) => mirror?.Has(resource) == true && !IsOwn(resource);
}
