using Ote.Kube.Server.Store;

namespace Ote.EdgeHub.Cache;

/// <summary>
/// Pieces of copies that were read a moment ago, unsealed, so that the next who reads the same is not answered from the disk: a node's components all start at once, and list the same things. Bounded: the copy that was read longest ago
/// makes room, and of one that is larger its first pieces are kept. What changes is forgotten at once, and all of it when nobody reads any more. Thread-safe; what is kept and what is forgotten has to be told by who has the database for
/// himself.
/// </summary>
internal sealed class RecentPieces
{
    /// <summary>Bytes of objects at most.</summary>
    public const long MostBytes = 4 * 1024 * 1024;

    private const int MostPieces = 1024;
    private readonly Dictionary<long, Copy> _copies = [];
    private readonly Lock _gate = new();
    private long _bytes;
    private int _pieces;
    private long _reads;
    private bool _wasRead;

    /// <summary>A piece as it is now; null: it has to be read.</summary>
    public Piece<StoredObject>? Find(long scope, PageQuery query)
    {
        lock (_gate)
        {
            return _copies.TryGetValue(scope, out var copy) && copy.Pieces.TryGetValue(Place.Of(query), out var piece) ? Read(copy, piece) : null;
        }
    }

    /// <summary>Keeps a piece that was just read.</summary>
    /// <returns>False: there is no room.</returns>
    public bool Keep(long scope, PageQuery query, Piece<StoredObject> piece)
    {
        var bytes = piece.Rows.Sum(row => (long)row.Json.Length);
        lock (_gate)
        {
            while (_bytes + bytes > MostBytes || _pieces >= MostPieces)
            {
                if (_copies.Where(other => other.Key != scope).OrderBy(other => other.Value.ReadAt).Select(other => (long?)other.Key).FirstOrDefault() is not { } oldest)
                {
                    return false;
                }

                Remove(oldest);
            }

            if (!_copies.TryGetValue(scope, out var copy))
            {
                _copies[scope] = copy = new Copy();
            }

            if (copy.Pieces.TryAdd(Place.Of(query), Read(copy, piece)))
            {
                copy.Bytes += bytes;
                (_bytes, _pieces) = (_bytes + bytes, _pieces + 1);
            }

            return true;
        }
    }

    /// <summary>Something of a copy changes.</summary>
    public void Forget(long scope)
    {
        lock (_gate)
        {
            Remove(scope);
        }
    }

    /// <summary>Lets go of all of it when nobody has read any since it was asked last.</summary>
    /// <returns>How many bytes it let go of; null while they are read.</returns>
    public long? LetGo()
    {
        lock (_gate)
        {
            if (_wasRead)
            {
                _wasRead = false;
                return null;
            }

            var bytes = _bytes;
            _copies.Clear();
            (_bytes, _pieces) = (0, 0);
            return bytes;
        }
    }

    private Piece<StoredObject> Read(Copy copy, Piece<StoredObject> piece)
    {
        copy.ReadAt = ++_reads;
        _wasRead = true;
        return piece;
    }

    private void Remove(long scope)
    {
        if (_copies.Remove(scope, out var copy))
        {
            (_bytes, _pieces) = (_bytes - copy.Bytes, _pieces - copy.Pieces.Count);
        }
    }

    private sealed class Copy
    {
        public Dictionary<Place, Piece<StoredObject>> Pieces { get; } = [];

        public long Bytes { get; set; }

        public long ReadAt { get; set; }
    }

    /// <summary>Which rows of a copy: what a query says besides counts for nothing here, since a copy is read as it is now.</summary>
    private readonly record struct Place(string? Namespace, string AfterNamespace, string AfterName, int Limit)
    {
        public static Place Of(PageQuery query) => new(query.Namespace, query.AfterNamespace, query.AfterName, query.Limit);
    }
}
