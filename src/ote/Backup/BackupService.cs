using Ote.Cluster.Backup;
using Ote.Cluster.Identity;
using Ote.Kube.Server.Store;

namespace Ote.Roles.Backup;

/// <summary>Takes backups of a root that works: a private copy of each of its files first, then those as one stream.</summary>
/// <param name="data">The root's data directory.</param>
/// <param name="version">Of the product.</param>
/// <param name="time">The clock.</param>
internal sealed class BackupService(string data, string version, TimeProvider time)
{
    /// <summary>Where the root's API serves it, to its administrators alone.</summary>
    public const string Path = "/ote/v1/backup";

    /// <summary>The embedded API server's part of the data directory.</summary>
    public const string Api = "api";

    // The copies lie beside what they are of: on a disk that may hold keys, and has room for as much.
    private const string CopyFolder = "backup.tmp";

    // Made when the first token of a service account is asked for.
    private const string TokenKey = "pki/sa.key";

    private static readonly string[] Pki = ["pki/ca.crt", "pki/ca.key", "pki/server.crt", "pki/server.key"];

    /// <summary>Takes one.</summary>
    /// <param name="target">Gets it; nothing is written before all copies are made and checked.</param>
    /// <param name="ct">Gives up.</param>
    /// <exception cref="IOException">A file could not be copied; the message says which and why.</exception>
    public async Task WriteAsync(Stream target, CancellationToken ct)
    {
        var folder = System.IO.Path.Combine(data, CopyFolder);
        try
        {
            var manifest = await Task.Run(() => Copy(folder), ct).ConfigureAwait(false);
            await BackupArchive.WriteAsync(manifest, folder, target, ct).ConfigureAwait(false);
        }
        catch (Exception fault) when (fault is UnauthorizedAccessException or IdentityException)
        {
            throw new IOException(fault.Message, fault);
        }
        finally
        {
            Clear(folder);
        }
    }

    /// <summary>Removes the copies of a backup during which the process died.</summary>
    public void Clear() => Clear(System.IO.Path.Combine(data, CopyFolder));

    private static void Clear(string folder)
    {
        if (Directory.Exists(folder))
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private BackupManifest Copy(string folder)
    {
        Clear(folder);
        const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
        Directory.CreateDirectory(System.IO.Path.Combine(folder, Api, "pki"), OwnerOnly);
        var takenAt = time.GetUtcNow();
        var objects = System.IO.Path.Combine(folder, Api, StoreCopy.FileName);

        // Objects first: of a command that comes in between, the journal may know more than the objects, never less.
        StoreCopy.Take(System.IO.Path.Combine(data, Api), objects);
        StoreCopy.Check(objects);
        var (uid, pin) = RootFiles.Take(data, folder);
        string[] pki = File.Exists(System.IO.Path.Combine(data, Api, TokenKey)) ? [.. Pki, TokenKey] : Pki;
        foreach (var file in pki)
        {
            File.Copy(System.IO.Path.Combine(data, Api, file), System.IO.Path.Combine(folder, Api, file));
        }

        string[] names = [.. RootFiles.Identity(folder), RootFiles.Journal, .. pki.Prepend(StoreCopy.FileName).Select(f => $"{Api}/{f}")];
        return new BackupManifest { Uid = uid, CaPin = pin, TakenAt = takenAt, Version = version, Files = [.. names.Select(n => BackupArchive.Describe(folder, n))] };
    }
}
