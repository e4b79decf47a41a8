using Ote.Kube.Server.Store;

namespace Ote.EdgeHub.Cache;

/// <summary>
/// Pieces of copies that were read a moment ago, unsealed, so that the next who reads the same is not answered from the disk: a node's components all start at once, and list the same things. Bounded: the copy that was read longest ago
/// makes room, and of one that is larger its first pieces are kept. What changes is forgotten at once, and a copy that nobody reads any more soon. Thread-safe; what is kept and what is forgotten has to be told by who has the database for
/// himself.
/// </summary>
internal sealed class RecentPieces
{
    /// <summary>Bytes at most.</summary>
    public const long MostBytes = 4 * 1024 * 1024;

    private const int RowBytes = 200; // beside its object
    private readonly Dictionary<long, Copy> _copies = [];
    private readonly Lock _gate = new();
    private long _bytes;
    private long _reads;

    /// <summary>A piece as it is now; null: it has to be read.</summary>
    public Piece<StoredObject>? Find(long scope, PageQuery query)
    {
        lock (_gate)
        {
            return _copies.TryGetValue(scope, out var copy) && copy.Pieces.TryGetValue(Place.Of(query), out var piece) ? Read(copy, piece) : null;
        }
    }

    /// <summary>Keeps a piece that was just read, where there is room.</summary>
    /// <returns>Whether it is the first that is kept: <see cref="LetGo"/> is to be asked from now on.</returns>
    public bool Keep(long scope, PageQuery query, Piece<StoredObject> piece)
    {
        var bytes = piece.Rows.Sum(row => row.Json.Length + (long)RowBytes) + RowBytes + 2L * (query.AfterNamespace.Length + query.AfterName.Length);
        lock (_gate)
        {
            if (_copies.TryGetValue(scope, out var known) && known.Pieces.ContainsKey(Place.Of(query)))
            {
                return false;
            }

            var isFirst = _copies.Count == 0;
            while (_bytes + bytes > MostBytes)
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

            copy.Pieces.Add(Place.Of(query), Read(copy, piece));
            copy.Bytes += bytes;
            _bytes += bytes;
            return isFirst;
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

    /// <summary>Lets go of the copies that nobody has read since it was asked last.</summary>
    /// <returns>How many bytes it let go of, and whether any are left.</returns>
    public (long Bytes, bool IsMore) LetGo()
    {
        lock (_gate)
        {
            var before = _bytes;
            foreach (var (scope, copy) in _copies.ToArray())
            {
                if (!copy.WasRead)
                {
                    Remove(scope);
                }

                copy.WasRead = false;
            }

            return (before - _bytes, _copies.Count > 0);
        }
    }

    private Piece<StoredObject> Read(Copy copy, Piece<StoredObject> piece)
    {
        (copy.ReadAt, copy.WasRead) = (++_reads, true);
        return piece;
    }

    private void Remove(long scope)
    {
        if (_copies.Remove(scope, out var copy))
        {
            _bytes -= copy.Bytes;
        }
    }

    private sealed class Copy
    {
        public Dictionary<Place, Piece<StoredObject>> Pieces { get; } = [];

        public long Bytes { get; set; }

        public long ReadAt { get; set; }

        public bool WasRead { get; set; }
    }

    /// <summary>Which rows of a copy: what a query says besides counts for nothing here, since a copy is read as it is now.</summary>
    private readonly record struct Place(string? Namespace, string AfterNamespace, string AfterName, int Limit)
    {
        public static Place Of(PageQuery query) => new(query.Namespace, query.AfterNamespace, query.AfterName, query.Limit);
    }
}
