namespace Ote.Cluster.Journal;

/// <summary>A journal that forgets everything with its process: for simulations and for load that stands for other machines.</summary>
public sealed class MemoryJournal : IJournal
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, SortedDictionary<string, byte[]>> _books = new(StringComparer.Ordinal);

    /// <inheritdoc/>
    public IReadOnlyList<JournalRow> Load(string book)
    {
        lock (_gate)
        {
            return _books.TryGetValue(book, out var rows) ? [.. rows.Select(r => new JournalRow(r.Key, r.Value))] : [];
        }
    }

    /// <inheritdoc/>
    public Task WriteAsync(params JournalChange[] changes)
    {
        lock (_gate)
        {
            foreach (var change in changes)
            {
                if (!_books.TryGetValue(change.Book, out var rows))
                {
                    _books[change.Book] = rows = new SortedDictionary<string, byte[]>(StringComparer.Ordinal);
                }

                if (change.Value is null)
                {
                    rows.Remove(change.Key);
                }
                else
                {
                    rows[change.Key] = change.Value;
                }
            }
        }

        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
