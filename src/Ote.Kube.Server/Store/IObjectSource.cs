using Ote.Kube.Server.Watching;

namespace Ote.Kube.Server.Store;

/// <summary>Whose object one is that is shown here.</summary>
/// <param name="Cluster">The cluster it is in.</param>
/// <param name="Name">Its name there.</param>
/// <param name="Version">Its resourceVersion there.</param>
/// <param name="ApiVersion">The version of its kind that is served there, which may be another than is asked for here; null: the same.</param>
public sealed record ObjectOrigin(string Cluster, string Name, string? Version = null, string? ApiVersion = null)
{
    /// <summary>The label by which each such object names its cluster.</summary>
    public const string ClusterLabel = "ote-cluster";
}

/// <summary>Where objects of some kinds are read and watched from. Thread-safe.</summary>
public interface IObjectSource
{
    /// <summary>The newest revision that can be read.</summary>
    long Revision { get; }

    /// <summary>Hands out changes.</summary>
    ChangeHub Changes { get; }

    /// <summary>
    /// Whether a watch may begin after a revision that is later than <see cref="Revision"/>: where revisions are those of another server, only some of them come by here, and a client may have met a later one there.
    /// </summary>
    bool MayBeginAfter(long revision) => false;

    /// <summary>Whether the objects of a kind (<c>group/plural</c>) are here.</summary>
    bool Has(string resource);

    /// <summary>The kinds whose objects are here because somebody tells of them, beside those that are always here.</summary>
    IReadOnlyCollection<MirroredKind> Kinds => [];

    /// <summary>Raised after <see cref="Kinds"/> changed, by whoever writes, which waits meanwhile: return quickly.</summary>
    event Action? KindsChanged
    {
        add { }
        remove { }
    }

    /// <summary>The current object, or null.</summary>
    ValueTask<StoredObject?> FindAsync(StoreKey key, CancellationToken cancellation);

    /// <summary>An object as it was at a moment, null meaning now; null when there was none. Another moment than now only where former states are kept (<see cref="KeptSince"/>).</summary>
    /// <exception cref="RevisionExpiredException">What was then is no longer kept.</exception>
    ValueTask<StoredObject?> FindAsync(StoreKey key, DateTimeOffset? at, CancellationToken cancellation)
    {
        if (at is not null)
        {
            throw new NotSupportedException("former states are not kept here");
        }

        return FindAsync(key, cancellation);
    }

    /// <summary>The earliest moment of which all is still known; null where former states are not kept.</summary>
    DateTimeOffset? KeptSince => null;

    /// <summary>The clusters whose objects are here; none where all are this server's own.</summary>
    ValueTask<IReadOnlyList<string>> ClustersAsync(CancellationToken cancellation) => ValueTask.FromResult<IReadOnlyList<string>>([]);

    /// <summary>Whose object one is; null for one of this server's own.</summary>
    ObjectOrigin? OriginOf(StoredObject stored) => null;

    /// <summary>Fields that objects of a kind (<c>group/plural</c>) have at their cluster and not here: property names with dots between, <c>[]</c> behind one for each item of a list.</summary>
    IReadOnlyList<string> NotShown(string resource) => [];

    /// <summary>A piece of the objects, by namespace and name.</summary>
    /// <exception cref="RevisionExpiredException">The query's revision is no longer kept.</exception>
    ValueTask<Piece<StoredObject>> ListAsync(PageQuery query, CancellationToken cancellation);

    /// <summary>A piece of the changes of one kind after a revision, oldest first.</summary>
    /// <exception cref="RevisionExpiredException">Some of them are no longer kept.</exception>
    ValueTask<Piece<Change>> ChangesAsync(string resource, long after, long upTo, int limit, CancellationToken cancellation);
}
