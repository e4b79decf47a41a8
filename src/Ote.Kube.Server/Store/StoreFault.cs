using Microsoft.Data.Sqlite;

namespace Ote.Kube.Server.Store;

/// <summary>What keeps a store from doing as asked.</summary>
public enum StoreTrouble
{
    /// <summary>The disk reported an error.</summary>
    Failed = 0,

    /// <summary>No room is left. Passes without a restart.</summary>
    Full = 1,

    /// <summary>The disk, the folder or the file may not be written. Passes without a restart.</summary>
    ReadOnly = 2,

    /// <summary>What is in the file is not what was written. Stays until a backup takes its place.</summary>
    Damaged = 3,
}

/// <summary>The disk or the database refused. Of a write that met this, nothing is in lists, watches or answers.</summary>
/// <param name="message">Names the file, the cause and the next step.</param>
/// <param name="trouble">The cause.</param>
/// <param name="inner">What was met first, if anything was thrown.</param>
public sealed class StoreFailedException(string message, StoreTrouble trouble = StoreTrouble.Failed, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>The cause.</summary>
    public StoreTrouble Trouble => trouble;
}

/// <summary>Turns SQLite's result codes (sqlite.org/rescode.html) into what an operator can act on.</summary>
public static class StoreFault
{
    private const int Io = 10;
    private const int IoSharedMemorySize = Io | (19 << 8); // its index cannot grow: no room

    /// <summary>A fault met while a database was read or written.</summary>
    /// <param name="file">The database.</param>
    /// <param name="fault">What SQLite said.</param>
    public static StoreFailedException Of(string file, SqliteException fault)
    {
        ArgumentNullException.ThrowIfNull(fault);
        return Told(file, fault);
    }

    private static StoreFailedException Told(string file, SqliteException fault) => (fault.SqliteErrorCode, fault.SqliteExtendedErrorCode) switch
    {
        (13, _) or (_, IoSharedMemorySize) => new StoreFailedException(
            $"The database {file} cannot be written: no room is left for it. Nothing of this was stored; make room on its disk, no restart is needed.", StoreTrouble.Full, fault),
        (8 or 3, _) => new StoreFailedException(
            $"The database {file} cannot be written: it is read-only here. Nothing of this was stored; make its disk and folder writable, no restart is needed.", StoreTrouble.ReadOnly, fault),
        (11, _) => Damaged(file, "a page of it does not hold what was written", fault),
        (26, _) => Damaged(file, "it is not a SQLite database", fault),
        _ => new StoreFailedException(
            $"The database {file} cannot be used: {Said(fault)}. Look into the system's log for errors of its disk; the server tries again with each request.", StoreTrouble.Failed, fault),
    };

    /// <summary>Something in a database is not as it was written.</summary>
    /// <param name="file">The database.</param>
    /// <param name="found">What was found, in words that go after a colon.</param>
    /// <param name="inner">What was met first.</param>
    public static StoreFailedException Damaged(string file, string found, Exception? inner = null) => new(
        $"The database {file} is damaged: {found}. Restore a backup; to start empty, move the folder away. docs/operate/disk-trouble.md tells more.", StoreTrouble.Damaged, inner);

    /// <summary>The cause alone: for answers that show no paths, and for metrics.</summary>
    public static string Name(StoreTrouble trouble) => trouble switch
    {
        StoreTrouble.Full => "disk full",
        StoreTrouble.ReadOnly => "read-only",
        StoreTrouble.Damaged => "damaged",
        _ => "disk error",
    };

    /// <summary>SQLite's own words, without what its library puts around them.</summary>
    private static string Said(SqliteException fault)
    {
        var text = fault.Message;
        return text.IndexOf('\'', StringComparison.Ordinal) is >= 0 and var from && text.LastIndexOf('\'') is var to && to > from ? text[(from + 1)..to] : text.TrimEnd('.');
    }
}
