using System.Globalization;
using Ote.Cluster.Backup;
using Ote.Cluster.Identity;
using Ote.Kube.Objects;
using Ote.Kube.Server.Store;
using Ote.Roles.Hosting;

namespace Ote.Roles.Backup;

/// <summary>Makes a root's data directory out of a backup, so that its tree takes the root back.</summary>
internal static class Restoration
{
    /// <summary>Stands in a data directory until all of it is there; a root does not start beside it.</summary>
    public const string UnfinishedMark = "restore-unfinished";

    /// <summary>Restores.</summary>
    /// <param name="file">The backup.</param>
    /// <param name="data">The new data directory: missing, or empty.</param>
    /// <param name="time">The clock.</param>
    /// <param name="ct">Gives up.</param>
    /// <exception cref="RoleException">It cannot be done; what was written is removed again.</exception>
    public static async Task<BackupManifest> RunAsync(string file, string data, TimeProvider time, CancellationToken ct)
    {
        try
        {
            if (Directory.Exists(data) && Directory.EnumerateFileSystemEntries(data).Any())
            {
                throw new RoleException($"--data: {data} is not empty; name a directory that is, or move away what is there");
            }

            var existed = Directory.Exists(data);
            var source = File.OpenRead(file);
            await using (source.ConfigureAwait(false))
            {
                Directory.CreateDirectory(data, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
                try
                {
                    return await FillAsync(source, data, time, ct).ConfigureAwait(false);
                }
                catch
                {
                    Empty(data, existed);
                    throw;
                }
            }
        }
        catch (Exception useless) when (useless is BackupException or IdentityException)
        {
            throw new RoleException($"backup {file} cannot be restored: {useless.Message}. Use another backup.");
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
        {
            throw new RoleException(refused is FileNotFoundException or DirectoryNotFoundException
                ? $"backup {file} cannot be read: {refused.Message.TrimEnd('.')}; name the file that otectl backup wrote"
                : $"backup {file} cannot be restored to {data}: {refused.Message.TrimEnd('.')}; see that the one can be read and the other be written and has room, then run it again");
        }
    }

    /// <summary>Why a root must not start on a data directory; null when it may.</summary>
    public static string? Objection(string data) => File.Exists(Path.Combine(data, UnfinishedMark))
        ? $"--data: a restore to {data} did not come to its end; empty the directory and run ote restore again"
        : null;

    private static async Task<BackupManifest> FillAsync(Stream source, string data, TimeProvider time, CancellationToken ct)
    {
        var mark = Path.Combine(data, UnfinishedMark);
        await File.WriteAllTextAsync(mark, "", ct).ConfigureAwait(false);
        var manifest = await BackupArchive.ReadAsync(source, data, ct).ConfigureAwait(false);
        var objects = Path.Combine(data, BackupService.Api, StoreCopy.FileName);
        StoreCopy.Check(objects);
        if (RootFiles.Check(data) != (manifest.Uid, manifest.CaPin))
        {
            throw new BackupException("its identity is not the one that its manifest names");
        }

        var now = time.GetUtcNow();
        if (now < manifest.TakenAt)
        {
            // Beats, revisions and generations go on from the time: one that is behind would have the tree take the root for an older one.
            throw new RoleException(string.Create(
                CultureInfo.InvariantCulture, $"this machine's clock says {now:u}, and the backup was taken at {manifest.TakenAt:u}; set the clock, then run it again"));
        }

        var milliseconds = now.ToUnixTimeMilliseconds();
        StoreCopy.Renew(objects, revision: milliseconds * 1000, generation: milliseconds);
        RootFiles.Renew(data, now, StoreCopy.Read(objects, $"{Kinds.ClusterControllers.Group}/{Kinds.ClusterControllers.Plural}").Select(c => (c.Uid(), (ulong)c.Generation())));
        File.Delete(mark);
        return manifest;
    }

    private static void Empty(string data, bool keep)
    {
        foreach (var folder in Directory.EnumerateDirectories(data))
        {
            Directory.Delete(folder, recursive: true);
        }

        foreach (var file in Directory.EnumerateFiles(data))
        {
            File.Delete(file);
        }

        if (!keep)
        {
            Directory.Delete(data);
        }
    }
}
