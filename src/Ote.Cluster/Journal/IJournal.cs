using Ote.Flow;

namespace Ote.Cluster.Journal;

/// <summary>
/// What a controller must not forget when its process dies: small rows in named books. Thread-safe. Writes become durable in
/// the order of the calls; many callers share one flush to disk.
/// </summary>
public interface IJournal : IAsyncDisposable
{
    /// <summary>All rows of a book, ordered by key. Call it at start, before writing.</summary>
    IReadOnlyList<JournalRow> Load(string book);

    /// <summary>Why the last write failed, for people: the file, the cause and the next step. Null when it did not. May be asked at any time.</summary>
    string? Fault => null;

    /// <summary>Writes all changes or none. Completes when they are on disk.</summary>
    /// <exception cref="JournalException">They are not on disk: the disk is full, read-only or broken.</exception>
    Task WriteAsync(params JournalChange[] changes);

    /// <summary>
    /// Removes rows of a book that are of no more use. Nobody waits for the disk: they go with a write that is made soon, in the order of
    /// the calls. After a crash, or while the disk is broken, they may be there again.
    /// </summary>
    /// <exception cref="JournalException">The journal is closed, or cannot be written.</exception>
    Task ForgetAsync(string book, IReadOnlyCollection<string> keys) => WriteAsync([.. keys.Select(key => JournalChange.Remove(book, key))]);
}

/// <summary>One kept row.</summary>
/// <param name="Key">Unique in its book; ordinal order.</param>
/// <param name="Value">The content.</param>
public readonly record struct JournalRow(string Key, byte[] Value);

/// <summary>One change: a row written, or removed when <paramref name="Value"/> is null.</summary>
/// <param name="Book">Which book.</param>
/// <param name="Key">Which row.</param>
/// <param name="Value">The new content, or null.</param>
public readonly record struct JournalChange(string Book, string Key, byte[]? Value)
{
    /// <summary>Writes a row.</summary>
    public static JournalChange Put(string book, string key, byte[] value) => new(book, key, value);

    /// <summary>Removes a row; fine when it is not there.</summary>
    public static JournalChange Remove(string book, string key) => new(book, key, null);
}

/// <summary>The journal could not be opened or written.</summary>
public sealed class JournalException : Exception, IForOperator
{
    /// <summary>Makes the exception.</summary>
    public JournalException(string message, Exception? inner = null)
        : base(message, inner)
    {
    }
}
