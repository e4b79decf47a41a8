using System.Security.Cryptography;
using Microsoft.Data.Sqlite;
using Ote.Kube.Server.Store;

namespace Ote.EdgeHub.Cache;

/// <summary>The disk or the file of the cache refused. Of a write that met this nothing is on the disk, nor seen by anybody.</summary>
/// <param name="message">Names the file, the cause and the next step.</param>
/// <param name="trouble">The cause.</param>
/// <param name="inner">What was met first.</param>
internal sealed class CacheFailedException(string message, StoreTrouble trouble, Exception inner) : IOException(message, inner)
{
    /// <summary>The cause.</summary>
    public StoreTrouble Trouble => trouble;

    /// <summary>What was met, as an operator can act on it.</summary>
    /// <param name="file">The cache.</param>
    /// <param name="fault">Of SQLite, or of what unseals values.</param>
    public static CacheFailedException Of(string file, Exception fault)
    {
        var told = fault is SqliteException said ? StoreFault.Of(file, said) : null;
        return told is null or { Trouble: StoreTrouble.Damaged }
            ? new($"The cache {file} is damaged: {(fault is CryptographicException ? "a value of it is not what was written" : "a page of it does not hold what was written")}. Start the hub again: it puts the file aside and fills another.", StoreTrouble.Damaged, fault)
            : new(told.Message, told.Trouble, fault);
    }

    /// <summary>The same as an answer to who wrote, or read. 507 is none that a client waits for by itself: it would do so as long as the disk is full.</summary>
    /// <param name="what">What was asked for, as the beginning of a sentence.</param>
    public StoreRefusedException Answer(string what) => new(trouble == StoreTrouble.Full ? 507 : 500, trouble == StoreTrouble.Full ? "InsufficientStorage" : "InternalError", $"{what}: {Message}", this);
}
