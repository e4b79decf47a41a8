using Ote.Kube.Server.Store;

namespace Ote.Kube.Server.Split;

/// <summary>One shard of a split source, held here or elsewhere. Thread-safe.</summary>
internal interface IShard
{
    /// <summary>A piece of its objects.</summary>
    /// <exception cref="ShardAwayException">Nobody answers for it.</exception>
    /// <exception cref="RevisionExpiredException">What was then is not kept.</exception>
    Task<ShardPiece> ListAsync(PageQuery query, CancellationToken cancellation);

    /// <summary>One object; null when there is none.</summary>
    /// <exception cref="ShardAwayException">Nobody answers for it.</exception>
    /// <exception cref="RevisionExpiredException">What was then is not kept.</exception>
    Task<StoredObject?> FindAsync(StoreKey key, DateTimeOffset? at, CancellationToken cancellation);

    /// <summary>How it stands.</summary>
    /// <exception cref="ShardAwayException">Nobody answers for it.</exception>
    Task<ShardFacts> LookAsync(CancellationToken cancellation);

    /// <summary>What changes of a kind after a revision, in order, until cancelled.</summary>
    /// <exception cref="ShardAwayException">Nobody answers for it, or not any more; or its reader fell too far behind. Whoever goes on does so from the last revision told.</exception>
    /// <exception cref="RevisionExpiredException">That revision is not one of its holder's, or not kept any more.</exception>
    IAsyncEnumerable<ShardEvent> WatchAsync(string resource, long from, CancellationToken cancellation);
}

/// <summary>A piece of a shard's objects.</summary>
/// <param name="Revision">Of the shard, before the piece was read: whoever watches on from it sees what changed since.</param>
/// <param name="Piece">The objects.</param>
internal sealed record ShardPiece(long Revision, Piece<StoredObject> Piece);

/// <summary>How a shard stands.</summary>
/// <param name="Revision">Its newest.</param>
/// <param name="KeptSince">The earliest moment of which all is known; null: former states are not kept.</param>
/// <param name="Clusters">The clusters whose objects it has.</param>
/// <param name="Kinds">The kinds that it has because its clusters report them.</param>
internal sealed record ShardFacts(long Revision, DateTimeOffset? KeptSince, IReadOnlyList<string> Clusters, IReadOnlyCollection<MirroredKind> Kinds);

/// <summary>What a shard tells whoever watches.</summary>
/// <param name="Revision">All of the kind up to it was told with this.</param>
/// <param name="Change">What changed; null: only how far it has come.</param>
internal sealed record ShardEvent(long Revision, Change? Change);

/// <summary>Nobody answers for a shard; the message says why.</summary>
public sealed class ShardAwayException : IOException
{
    /// <summary>Makes one.</summary>
    public ShardAwayException(string message, Exception? inner = null)
        : base(message, inner)
    {
    }
}
