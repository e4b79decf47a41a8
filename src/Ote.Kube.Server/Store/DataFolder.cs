using System.Text;
using Ote.Kube.Server.Access;

namespace Ote.Kube.Server.Store;

/// <summary>
/// A data directory in the hands of one server. The file <c>lock</c> also says how the last one left it: empty before there was a database, <c>open</c> while one works in
/// it and after it was killed, <c>shut</c> after it ended. So a database that is missing, empty or without its log is not taken for a new one.
/// </summary>
internal sealed class DataFolder : IDisposable
{
    private const string Open = "open\n", Shut = "shut\n";
    private const int InUse = 11, InUseElsewhere = 35, InUseOnWindows = unchecked((int)0x80070020);
    private readonly FileStream _lock;
    private readonly string _former;

    private DataFolder(FileStream held, string former, string database)
    {
        (_lock, _former) = (held, former);
        Database = database;
    }

    /// <summary>The database's file.</summary>
    public string Database { get; }

    /// <summary>Takes a folder, makes it when there is none, and looks whether the database in it is whole as far as that can be told from outside.</summary>
    /// <exception cref="StoreFailedException">It is in use, cannot be written, or its database is damaged.</exception>
    public static DataFolder Take(string directory)
    {
        DataFolder? taken = null;
        try
        {
            PrivateFiles.MakeFolder(directory);
            var path = Path.Combine(directory, "lock");
            PrivateFiles.Claim(path);
            var held = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 0);
            taken = new DataFolder(held, Read(held), Path.Combine(directory, Store.Database.FileName));
            taken.Check();
            // Only now that nobody else has it open: closing a file drops the locks SQLite holds on it in this process.
            PrivateFiles.Claim(taken.Database); // what SQLite puts beside it takes its mode
            return taken;
        }
        catch (IOException fault) when (fault.HResult is InUse or InUseElsewhere or InUseOnWindows)
        {
            throw new StoreFailedException(
                $"The data directory {directory} cannot be opened: end the server that uses it, or choose another directory ({fault.Message.TrimEnd('.')})", StoreTrouble.Failed, fault);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            taken?.Dispose();
            throw new StoreFailedException(
                $"The data directory {directory} cannot be used: {fault.Message.TrimEnd('.')}. It is not writable, or its disk is full: mend that, or choose another.", StoreTrouble.Failed, fault);
        }
        catch
        {
            taken?.Dispose();
            throw;
        }
    }

    /// <summary>Notes that there is a database now, and that a server works with it.</summary>
    public void NoteOpen()
    {
        if (_former != Open)
        {
            Write(Open);
        }
    }

    /// <summary>Notes that the database was closed in order. Before SQLite does close it, so that a log it takes away is never missed.</summary>
    public void NoteShut()
    {
        try
        {
            Write(Shut);
        }
        catch (IOException)
        {
            // Then the next start looks as after a kill, and finds all there is.
        }
    }

    public void Dispose() => _lock.Dispose();

    private static string Read(FileStream held)
    {
        var bytes = new byte[Open.Length];
        return Encoding.ASCII.GetString(bytes, 0, held.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false));
    }

    private void Check()
    {
        var file = new FileInfo(Database);
        if (_former.Length > 0 && !file.Exists)
        {
            throw StoreFault.Damaged(Database, "it is missing, and a server has worked with it");
        }

        if (_former.Length > 0 && file.Length == 0)
        {
            throw StoreFault.Damaged(Database, "it is empty, and a server has worked with it");
        }

        if ((!file.Exists || file.Length == 0) && File.Exists(Database + "-wal") && new FileInfo(Database + "-wal").Length > 0)
        {
            throw StoreFault.Damaged(Database, $"it is missing or empty, and its log {Database}-wal is there");
        }

        if (WalCheck.Find(Database) is { } found)
        {
            throw StoreFault.Damaged(Database, found);
        }

        if (_former == Open && !File.Exists(Database + "-wal"))
        {
            throw StoreFault.Damaged(
                Database, $"its server was killed, and the log {Database}-wal that it left is missing, with what was written last; if another program has closed the database since, delete the file lock beside it to go on");
        }
    }

    private void Write(string state)
    {
        _lock.Position = 0;
        _lock.Write(Encoding.ASCII.GetBytes(state));
        _lock.Flush(flushToDisk: true);
    }
}
