namespace Ote.Kube.Server.Store;

/// <summary>Where each kind is read from: the own store, or what mirrors other clusters.</summary>
internal sealed class ObjectSources(ObjectStore own, IObjectSource? mirror)
{
    /// <summary>Where a kind is read from.</summary>
    /// <param name="resource"><c>group/plural</c>.</param>
    public IObjectSource Of(string resource) => IsMirrored(resource) ? mirror! : own;

    /// <summary>Whether the objects of a kind are those of other clusters, which are not written here.</summary>
    public bool IsMirrored(string resource) => mirror?.Has(resource) == true;
}
