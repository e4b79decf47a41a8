namespace Ote.Center.Up;

/// <summary>Where a tree keeps everything: its owner's alone, and of one running <c>up</c> at a time.</summary>
internal sealed class DataDirectory : IDisposable
{
    private const string LockFile = "up.lock";

    // The error of the system for a file that another process has locked, on Linux and on macOS.
    private const int Held = 11;
    private const int HeldElsewhere = 35;
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
    private readonly FileStream? _lock;

    private DataDirectory(string path, FileStream? held) => (Path, _lock) = (path, held);

    public string Path { get; }

    private bool IsTemporary => _lock is null;

    /// <summary>Takes the directory that was asked for, else a temporary one that is removed at the end.</summary>
    /// <exception cref="UpException">It cannot be made or written to, is another <c>up</c>'s now, or holds something else.</exception>
    public static DataDirectory Take(string? asked)
    {
        if (asked is null)
        {
            return new DataDirectory(Directory.CreateTempSubdirectory("ote-up-").FullName, null);
        }

        var data = System.IO.Path.GetFullPath(asked);
        Make(data);
        FileStream held;
        try
        {
            if (TreeMake.Read(data) is null && Directory.EnumerateFileSystemEntries(data).Select(System.IO.Path.GetFileName).FirstOrDefault(name => name != LockFile) is { } foreign)
            {
                throw new UpException($"--data {data}: it is not empty ({foreign}) and not of an earlier up; choose an empty or a new directory with --data DIR");
            }

            // Written to, so that a directory that can only be read is found here and not by a cluster.
            held = new FileStream(
                System.IO.Path.Combine(data, LockFile),
                new FileStreamOptions { Mode = FileMode.OpenOrCreate, Access = FileAccess.ReadWrite, Share = FileShare.None, UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite });
        }
        catch (IOException used) when (used.HResult is Held or HeldElsewhere)
        {
            throw new UpException($"--data {data}: another './ote up' runs there; end it first, or choose another directory with --data DIR", used);
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
        {
            throw new UpException($"--data {data}: it cannot be written to; choose a directory that you may write to ({refused.Message.TrimEnd('.')})", refused);
        }

        return new DataDirectory(data, held);
    }

    private static void Make(string data)
    {
        if (File.Exists(data))
        {
            throw new UpException($"--data {data}: it is not a directory; choose an empty or a new directory with --data DIR");
        }

        try
        {
            Directory.CreateDirectory(data, OwnerOnly);
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
        {
            // The runtime says of /proc/x that it was not found, which is why it was to be made.
            var why = refused is DirectoryNotFoundException or FileNotFoundException ? "nothing can be made there" : refused.Message.TrimEnd('.');
            throw new UpException($"--data {data}: it cannot be made ({why}); choose a directory that you may write to with --data DIR", refused);
        }
    }

    /// <summary>The folder of one cluster, made when missing.</summary>
    public string Of(string cluster) => Directory.CreateDirectory(System.IO.Path.Combine(Path, cluster), OwnerOnly).FullName;

    public void Dispose()
    {
        _lock?.Dispose();
        if (IsTemporary)
        {
            Directory.Delete(Path, recursive: true);
        }
    }
}
