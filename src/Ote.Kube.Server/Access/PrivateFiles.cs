using System.Text;

namespace Ote.Kube.Server.Access;

/// <summary>Files that only their owner reads, replaced whole or not at all.</summary>
internal static class PrivateFiles
{
    private const UnixFileMode FolderMode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
    private const UnixFileMode FileMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>Makes a folder and its parents, mode 0700 where the system knows modes.</summary>
    public static void MakeFolder(string path)
    {
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(path);
        }
        else
        {
            Directory.CreateDirectory(path, FolderMode);
        }
    }

    /// <summary>Makes an empty file of mode 0600 when there is none, and narrows one that is there.</summary>
    public static void Claim(string path)
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        new FileStream(path, new FileStreamOptions { Mode = System.IO.FileMode.OpenOrCreate, Access = FileAccess.Write, Share = FileShare.ReadWrite, UnixCreateMode = FileMode }).Dispose();
        File.SetUnixFileMode(path, FileMode);
    }

    /// <summary>Writes a file of mode 0600, on disk before it takes the place of an older one.</summary>
    public static void Write(string path, string text) => File.Move(Prepare(path, text), path, overwrite: true);

    /// <summary>Writes two files that belong together: both are on disk before either takes its place, so that no full disk leaves one of each.</summary>
    /// <param name="path">A file that is made again when the other is missing.</param>
    /// <param name="text">What it holds.</param>
    /// <param name="other">The other, which is never there without the first.</param>
    /// <param name="otherText">What that holds.</param>
    public static void WriteBoth(string path, string text, string other, string otherText)
    {
        var (fresh, otherFresh) = (Prepare(path, text), Prepare(other, otherText));
        File.Delete(other);
        File.Move(fresh, path, overwrite: true);
        File.Move(otherFresh, other, overwrite: true);
    }

    private static string Prepare(string path, string text)
    {
        var fresh = path + ".new";
        File.Delete(fresh);
        var options = new FileStreamOptions { Mode = System.IO.FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = FileMode;
        }

        using var stream = new FileStream(fresh, options);
        stream.Write(Encoding.UTF8.GetBytes(text));
        stream.Flush(flushToDisk: true);
        return fresh;
    }
}
