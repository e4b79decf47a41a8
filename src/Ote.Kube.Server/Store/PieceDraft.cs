namespace Ote.Kube.Server.Store;

/// <summary>A piece while it is read. For one thread.</summary>
/// <param name="limit">Most rows.</param>
internal sealed class PieceDraft<T>(int limit)
{
    private readonly List<T> _rows = [];
    private long _bytes;

    /// <summary>Whether no more may be added.</summary>
    public bool IsFull => _rows.Count >= limit || _bytes >= Piece<T>.MostBytes;

    /// <summary>Adds a row that takes so many bytes.</summary>
    public void Add(T row, long bytes)
    {
        _rows.Add(row);
        _bytes += bytes;
    }

    /// <summary>The piece.</summary>
    public Piece<T> Finish() => new(_rows, IsFull);
}
