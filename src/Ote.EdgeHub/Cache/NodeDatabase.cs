using System.Security.Cryptography;
using System.Text;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging;
using Ote.Kube.Server.Store;

namespace Ote.EdgeHub.Cache;

/// <summary>
/// The node's SQLite file: copies of what components ask for, and the journal of what was written while cut off. One connection, one caller at a time. Each commit is on the disk when it returns, so that what a component was told
/// is there after the power has failed; what the API servers tell is held in memory while the disk takes nothing (<see cref="HeldChanges"/>).
/// </summary>
internal sealed class NodeDatabase : IDisposable
{
    private const int Full = 13;
    private readonly Lock _gate = new();
    private readonly Session _session;
    private readonly string _file;
    private readonly CacheHealth _health;
    private readonly HeldChanges _held = new();

    /// <summary>Takes an open database, and closes it in the end.</summary>
    /// <param name="file">Where it is.</param>
    /// <param name="session">Its connection.</param>
    /// <param name="values">Encrypts what lies in it.</param>
    /// <param name="log">Told of trouble.</param>
    public NodeDatabase(string file, Session session, SealedValues values, ILogger log) =>
        (_file, _session, Values, _health) = (file, session, values, new CacheHealth(file, () => new DriveInfo(Path.GetDirectoryName(file)!).AvailableFreeSpace, log));

    /// <summary>Encrypts what lies in it.</summary>
    public SealedValues Values { get; }

    /// <summary>Whether changes that were told to somebody are not in it any more: no version means for certain what it meant.</summary>
    public bool LacksNewest { get; init; }

    /// <summary>What was read from it a moment ago.</summary>
    public RecentPieces Recent { get; } = new();

    /// <inheritdoc cref="NodeFile.Open"/>
    public static NodeDatabase Open(string folder, string node, ILogger log) => NodeFile.Open(folder, node, log);

    /// <summary>Bytes in use: pages that are free are written again before the file grows.</summary>
    public long Bytes => Read(session => (session.Scalar("PRAGMA page_count") - session.Scalar("PRAGMA freelist_count")) * session.Scalar("PRAGMA page_size"));

    /// <summary>What is in the way of writing or reading; null when nothing is.</summary>
    public CacheFailedException? Fault => _health.Fault;

    /// <summary>Whether objects are held in memory, and are to be read from there too. Within a read or a write.</summary>
    public bool Holds => _held.IsAny;

    /// <summary>Whether what is being written is to be held in memory. Within a write.</summary>
    public bool IsHolding => _held.IsTaking;

    /// <summary>Reads something, all of one moment.</summary>
    /// <exception cref="CacheFailedException">The disk or the file refused it.</exception>
    public T Read<T>(Func<Session, T> read)
    {
        lock (_gate)
        {
            try
            {
                return read(_session);
            }
            catch (Exception fault) when (fault is SqliteException or CryptographicException)
            {
                throw Failed(fault);
            }
        }
    }

    /// <summary>Writes something durably, or nothing of it.</summary>
    /// <param name="write">Run again where the first attempt finds no room.</param>
    /// <exception cref="CacheFailedException">The disk refused it; nothing was written.</exception>
    public T Write<T>(Func<Session, T> write)
    {
        lock (_gate)
        {
            try
            {
                return Commit(write);
            }
            catch (SqliteException full) when (full.SqliteErrorCode == Full && Fold())
            {
                // Its log is folded into the file now, and takes the place that it has once more: little changes are kept though the disk is full.
            }
            catch (Exception fault) when (fault is SqliteException or CryptographicException)
            {
                throw Failed(fault);
            }

            try
            {
                return Commit(write);
            }
            catch (Exception fault) when (fault is SqliteException or CryptographicException)
            {
                throw Failed(fault);
            }
        }
    }

    /// <summary>Writes what the API servers told durably, or holds it in memory until the disk takes it.</summary>
    /// <param name="write">Run again where it is held; its rows go by <see cref="CacheRows.Put"/> and <see cref="Note"/> alone.</param>
    /// <exception cref="CacheFailedException">Neither is possible; nothing was written.</exception>
    public T WriteOrHold<T>(Func<Session, T> write)
    {
        lock (_gate)
        {
            try
            {
                return Write(write);
            }
            catch (CacheFailedException refused)
            {
                try
                {
                    return _held.Take(_session, write, refused);
                }
                catch (Exception fault) when (fault is SqliteException or CryptographicException)
                {
                    throw Failed(fault);
                }
            }
        }
    }

    /// <summary>Writes a row of a copy other than an object's, within a write that may be held.</summary>
    /// <param name="session">The database.</param>
    /// <param name="what">Its name: a later one takes the place of a former.</param>
    /// <param name="write">Writes it.</param>
    public int Note(Session session, string what, Func<Session, int> write) => !_held.IsTaking ? write(session) : _held.Note(what, write) ? 0 : throw Fault!;

    /// <summary>Writes a small thing that counts in memory already: now, or as soon as the disk takes it.</summary>
    /// <param name="what">Its name: a later one takes the place of a former.</param>
    /// <param name="write">Writes it.</param>
    /// <exception cref="CacheFailedException">Too much waits already.</exception>
    public void WriteOrOwe(string what, Func<Session, int> write)
    {
        lock (_gate)
        {
            try
            {
                Write(write);
            }
            catch (CacheFailedException)
            {
                if (!_held.Note(what, write))
                {
                    throw;
                }
            }
        }
    }

    /// <summary>Whether such a thing waits for the disk.</summary>
    public bool Owes(string what)
    {
        lock (_gate)
        {
            return _held.Waits(what);
        }
    }

    /// <summary>Tries a small write when the last one failed, so that what is held is written, and trouble ends, without anybody writing.</summary>
    public void TryAgain()
    {
        if (Fault is { Trouble: not StoreTrouble.Damaged })
        {
            try
            {
                Write(session => session.Prepare("INSERT INTO meta VALUES ('tried',zeroblob(4096)) ON CONFLICT (key) DO UPDATE SET value=zeroblob(4096)").ExecuteNonQuery());
            }
            catch (CacheFailedException)
            {
                // Told already.
            }
        }
    }

    /// <summary>Encrypts a value of a place.</summary>
    public byte[] Seal(ReadOnlySpan<byte> value, string place) => Seal(value, Encoding.UTF8.GetBytes(place));

    /// <summary>Decrypts one; null stays null.</summary>
    public byte[]? Unseal(object? stored, string place) => stored is byte[] bytes ? Values.Unseal(bytes, Encoding.UTF8.GetBytes(place)) : null;

    /// <summary>Encrypts a value of a place.</summary>
    public byte[] Seal(ReadOnlySpan<byte> value, ReadOnlySpan<byte> place) => Values.Seal(value, place);

    /// <summary>Whether the value of a column of the row that is read is what was sealed.</summary>
    public bool IsWhole(SqliteDataReader row, int column, ReadOnlySpan<byte> place) => row.IsDBNull(column) || Values.IsWhole(SQLitePCL.raw.sqlite3_column_blob(row.Handle, column), place);

    /// <summary>Decrypts the value of a column of the row that is read, from where it lies in the database's memory.</summary>
    public byte[] Unseal(SqliteDataReader row, int column, ReadOnlySpan<byte> place) => Values.Unseal(SQLitePCL.raw.sqlite3_column_blob(row.Handle, column), place);

    public void Dispose()
    {
        lock (_gate)
        {
            _session.Dispose();
            Values.Dispose();
        }
    }

    private CacheFailedException Failed(Exception fault)
    {
        var failed = CacheFailedException.Of(_file, fault);
        _health.Failed(failed);
        return failed;
    }

    private T Commit<T>(Func<Session, T> write)
    {
        try
        {
            _session.Execute("BEGIN IMMEDIATE");
            _held.Settle(_session);
            var result = write(_session);
            _session.Execute("COMMIT");
            _held.Settled();
            _health.Committed();
            return result;
        }
        catch
        {
            RollBack();
            throw;
        }
    }

    private bool Fold()
    {
        try
        {
            _session.Execute("PRAGMA wal_checkpoint(RESTART)");
            return true;
        }
        catch (SqliteException)
        {
            return false; // The file would have to grow for that.
        }
    }

    private void RollBack()
    {
        try
        {
            _session.Execute("ROLLBACK");
        }
        catch (SqliteException)
        {
            // SQLite rolled back by itself.
        }
    }
}
