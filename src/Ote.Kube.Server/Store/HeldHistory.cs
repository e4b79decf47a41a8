namespace Ote.Kube.Server.Store;

/// <summary>
/// How many bytes the changes that are not compacted keep beyond the current objects: of each the object it replaced, of a deletion its last state. A running
/// sum; one entry a change, of which there are as many as history is kept. Of one task at a time.
/// </summary>
internal sealed class HeldHistory
{
    private readonly Queue<(long Revision, long Bytes)> _changes = new();

    /// <summary>What all of them keep, in bytes.</summary>
    public long Bytes { get; private set; }

    /// <summary>What one change keeps, in bytes.</summary>
    public static long Of(Change change) => (change.Previous?.Length ?? 0) + (change.Kind == ChangeKind.Deleted ? change.Json.Length : 0);

    /// <summary>Adds the next change.</summary>
    public void Add(long revision, long bytes)
    {
        _changes.Enqueue((revision, bytes));
        Bytes += bytes;
    }

    /// <summary>Forgets what is compacted.</summary>
    public void Drop(long compacted)
    {
        while (_changes.TryPeek(out var oldest) && oldest.Revision <= compacted)
        {
            Bytes -= _changes.Dequeue().Bytes;
        }
    }

    /// <summary>The least revision with whose compaction no more than a number of bytes is kept; 0 when nothing needs to go.</summary>
    /// <param name="limit">The number of bytes.</param>
    /// <param name="coming">What is about to be added to them.</param>
    /// <param name="most">How many changes may go at once.</param>
    public long Beyond(long limit, long coming, int most)
    {
        var over = Bytes + coming - limit;
        if (over <= 0)
        {
            return 0;
        }

        // Some more than must go, so that not every commit has a few to take away.
        over += limit / 8;
        var target = 0L;
        foreach (var (revision, bytes) in _changes)
        {
            if (over <= 0 || most-- == 0)
            {
                break;
            }

            over -= bytes;
            target = revision;
        }

        return target;
    }
}
