using Ote.Cluster.Backup;
using Ote.Ctl.Cli;

namespace Ote.Ctl.Backup;

/// <summary>The file a backup becomes: its owner's alone, whole, checked and on disk, or not there.</summary>
/// <param name="file">Its path.</param>
/// <param name="replace">Whether it may take the place of another file.</param>
internal sealed class BackupTarget(string file, bool replace)
{
    private static readonly TimeSpan Silence = TimeSpan.FromMinutes(1);

    /// <summary>Says early what would be in the way at the end.</summary>
    /// <exception cref="CtlException">The file is there, or cannot be.</exception>
    internal void Check()
    {
        if (Directory.Exists(file))
        {
            throw new CtlException(ExitCode.Failed, $"{file} is a directory; name a file in it");
        }

        if (Path.GetDirectoryName(Path.GetFullPath(file)) is { } folder && !Directory.Exists(folder))
        {
            throw new CtlException(ExitCode.Failed, $"{file} cannot be written: there is no directory {folder}; make it, or choose another place");
        }

        if (!replace && Path.Exists(file))
        {
            throw new CtlException(ExitCode.Failed, $"{file} is there already; name another file, or replace it with --force");
        }
    }

    /// <summary>Writes it.</summary>
    /// <exception cref="CtlException">It could not be written, or what came is no whole backup; a former file is as it was.</exception>
    internal async Task<(BackupManifest Manifest, long Bytes)> WriteAsync(Stream content, TimeProvider time, CancellationToken cancellation)
    {
        var beside = $"{Path.GetFullPath(file)}.{Environment.ProcessId}.tmp";
        try
        {
            File.Delete(beside); // so that the mode below applies
            var made = new FileStream(beside, new FileStreamOptions
            {
                Mode = FileMode.CreateNew,
                Access = FileAccess.ReadWrite,
                UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
            });
            await using (made.ConfigureAwait(false))
            {
                await CopyAsync(content, made, time, cancellation).ConfigureAwait(false);
                made.Flush(flushToDisk: true);
                made.Position = 0;
                var manifest = await BackupArchive.ReadAsync(made, null, cancellation).ConfigureAwait(false);
                File.Move(beside, file, replace);
                return (manifest, made.Length);
            }
        }
        catch (BackupException broken)
        {
            throw new CtlException(ExitCode.Failed, $"what the root sent is no whole backup: {broken.Message}; look at its log, then repeat it", broken);
        }
        catch (Exception refused) when (refused is UnauthorizedAccessException or DirectoryNotFoundException)
        {
            throw new CtlException(ExitCode.Failed, $"{file} cannot be written: {refused.Message.TrimEnd('.')}; choose another place", refused);
        }
        finally
        {
            File.Delete(beside);
        }
    }

    private async Task CopyAsync(Stream content, FileStream made, TimeProvider time, CancellationToken cancellation)
    {
        var buffer = new byte[128 * 1024];
        while (await ReadAsync().ConfigureAwait(false) is var read and > 0)
        {
            try
            {
                await made.WriteAsync(buffer.AsMemory(0, read), cancellation).ConfigureAwait(false);
            }
            catch (IOException full)
            {
                throw new CtlException(ExitCode.Failed, $"{file} cannot be written: {full.Message.TrimEnd('.')}; choose another place", full);
            }
        }

        async Task<int> ReadAsync()
        {
            using var late = new CancellationTokenSource(Silence, time);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, cancellation);
            try
            {
                return await content.ReadAsync(buffer, either.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException silent) when (!cancellation.IsCancellationRequested)
            {
                throw new TimeoutException($"it sent nothing for {Durations.Format(Silence)}", silent);
            }
        }
    }
}
