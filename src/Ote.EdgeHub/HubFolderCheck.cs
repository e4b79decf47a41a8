using System.Security.Cryptography;
using System.Text;
using Microsoft.Data.Sqlite;
using Ote.EdgeHub.Cache;

namespace Ote.EdgeHub;

/// <summary>What in a hub's folder would keep it from beginning. Nothing is made or changed there, and no lock is taken: a hub that runs by it is not disturbed.</summary>
internal static class HubFolderCheck
{
    private const string Owner = "SELECT value FROM meta WHERE key='node'";

    /// <summary>Of a log that holds what the file itself does not yet: SQLite folds it in after some 4 MB.</summary>
    private const long MostCopiedBytes = 64L * 1024 * 1024;

    /// <summary>Looks at a folder; one that is not there yet is nobody's.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="node">Whose it is to be.</param>
    /// <exception cref="IOException">A hub of that node could not begin there; the message says why.</exception>
    public static void Run(string folder, string node)
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        NodeFile.CheckOwned(folder); // of one that is not there, who could make it
        if (!Directory.Exists(folder))
        {
            return;
        }

        if (!SealedValues.IsKey(folder))
        {
            return; // What a lost key has sealed is put aside at the start.
        }

        using var values = SealedValues.Open(folder);
        var file = Path.Combine(folder, NodeFile.FileName);
        if (File.Exists(file) && OwnerOf(file, values) is { } owner)
        {
            NodeFile.CheckNode(file, owner, node);
        }
    }

    /// <summary>Whose cache a file is; null: nobody's yet, or it is damaged, which is put aside at the start.</summary>
    private static string? OwnerOf(string file, SealedValues values)
    {
        // The file as it lies there: by any other way of opening it SQLite would lock it, and make files beside it.
        var stored = Stored(new Uri(file).AbsoluteUri + "?immutable=1", SqliteOpenMode.ReadOnly) ?? InLog(file);
        try
        {
            return stored is null ? null : Encoding.UTF8.GetString(values.Unseal(stored, "node"u8));
        }
        catch (CryptographicException)
        {
            return null;
        }
    }

    /// <summary>What the log beside the file says, where a hub was killed before SQLite folded it in for the first time.</summary>
    private static byte[]? InLog(string file)
    {
        var log = file + "-wal";
        if (!File.Exists(log) || new FileInfo(file).Length + new FileInfo(log).Length > MostCopiedBytes)
        {
            return null;
        }

        DirectoryInfo? copies = null;
        try
        {
            copies = Directory.CreateTempSubdirectory("ote-node-check-");
            var copy = Path.Combine(copies.FullName, NodeFile.FileName);
            File.Copy(file, copy);
            File.Copy(log, copy + "-wal");
            return Stored(copy, SqliteOpenMode.ReadWrite);
        }
        catch (Exception unseen) when (unseen is IOException or UnauthorizedAccessException)
        {
            return null; // No room for a copy, or a hub that ended has taken its log away: the start sees it.
        }
        finally
        {
            copies?.Delete(recursive: true);
        }
    }

    private static byte[]? Stored(string source, SqliteOpenMode mode)
    {
        try
        {
            using var connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = source, Mode = mode, Pooling = false }.ToString());
            connection.Open();
            using var owner = connection.CreateCommand();
            owner.CommandText = Owner;
            return owner.ExecuteScalar() as byte[];
        }
        catch (SqliteException)
        {
            return null;
        }
    }
}
