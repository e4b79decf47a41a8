using Ote.Kube.Server.Store;

namespace Ote.Kube.Server.Split;

/// <summary>
/// One list over all shards, in the order in which a single source would give it: of each shard a piece is read ahead, and the least of their next objects comes next. Two of one name, which are of two shards, come one after the other. One caller at a time.
/// </summary>
internal sealed class SplitListing
{
    private const int LeastAhead = 16;
    private readonly Cursor[] _cursors;
    private readonly Action<int, ShardAwayException> _lost;

    /// <summary>Makes a list; nothing is read yet.</summary>
    /// <param name="shards">The shards.</param>
    /// <param name="query">What is asked of each.</param>
    /// <param name="lost">Told of a shard that nobody answers for: its objects, or the rest of them, are left out then. May throw, where that is too late.</param>
    public SplitListing(IReadOnlyList<IShard> shards, PageQuery query, Action<int, ShardAwayException> lost)
    {
        _lost = lost;
        // Objects lie evenly among shards, so that a part of a page from each does, most times.
        var ahead = shards.Count == 1 ? query.Limit : Math.Min(query.Limit, Math.Max(LeastAhead, query.Limit / shards.Count * 2));
        _cursors = [.. shards.Select((shard, number) => new Cursor(number, shard, query with { Limit = ahead }))];
    }

    /// <summary>Reads the first piece of each shard, all at a time.</summary>
    /// <returns>The shards' revisions before that; 0 for those that nobody answers for.</returns>
    /// <exception cref="RevisionExpiredException">What is asked for is not kept.</exception>
    public async Task<IReadOnlyList<long>> BeginAsync(CancellationToken cancellation)
    {
        var faults = await Task.WhenAll(_cursors.Select(c => c.TryReadAsync(cancellation))).ConfigureAwait(false);
        for (var i = 0; i < faults.Length; i++)
        {
            if (faults[i] is { } away)
            {
                _lost(i, away);
            }
        }

        return [.. _cursors.Select(c => c.Revision)];
    }

    /// <summary>The next objects.</summary>
    /// <param name="limit">Most of them.</param>
    /// <param name="cancellation">Gives up.</param>
    public async Task<Piece<StoredObject>> NextAsync(int limit, CancellationToken cancellation)
    {
        var (rows, bytes) = (new List<StoredObject>(), 0L);
        while (Least() is { } next)
        {
            if (rows.Count == limit || bytes >= Piece<StoredObject>.MostBytes)
            {
                return new Piece<StoredObject>(rows, More: true);
            }

            var row = next.Take();
            rows.Add(row);
            bytes += row.Json.Length;
            if (next.IsDry && await next.TryReadAsync(cancellation).ConfigureAwait(false) is { } away)
            {
                _lost(next.Number, away);
            }
        }

        return new Piece<StoredObject>(rows, More: false);
    }

    private Cursor? Least()
    {
        Cursor? least = null;
        foreach (var cursor in _cursors)
        {
            if (cursor.Head is { } head && (least is null || head.Key.IsBefore(least.Head!.Key)))
            {
                least = cursor;
            }
        }

        return least;
    }

    /// <summary>How far one shard was read.</summary>
    private sealed class Cursor(int number, IShard shard, PageQuery query)
    {
        private Piece<StoredObject> _piece = new([], More: true);
        private PageQuery _query = query;
        private int _at;

        public int Number => number;

        public long Revision { get; private set; }

        public StoredObject? Head => _at < _piece.Rows.Count ? _piece.Rows[_at] : null;

        /// <summary>What was read is given, and there is more.</summary>
        public bool IsDry => _at == _piece.Rows.Count && _piece.More;

        public StoredObject Take() => _piece.Rows[_at++];

        /// <summary>Reads the next piece; why it cannot be read, in place of an exception.</summary>
        public async Task<ShardAwayException?> TryReadAsync(CancellationToken cancellation)
        {
            _query = _piece.Rows.Count > 0 ? _query.After(_piece) : _query;
            (_piece, _at) = (new Piece<StoredObject>([], More: false), 0);
            try
            {
                var read = await shard.ListAsync(_query, cancellation).ConfigureAwait(false);
                _piece = read.Piece.Rows.Count > 0 ? read.Piece : read.Piece with { More = false };
                Revision = Revision == 0 ? read.Revision : Revision;
                return null;
            }
            catch (ShardAwayException away)
            {
                return away;
            }
        }
    }
}
