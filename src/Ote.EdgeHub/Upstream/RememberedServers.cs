namespace Ote.EdgeHub.Upstream;

/// <summary>The API servers that were discovered, in a file of their own beside the cache: a cache that is damaged and put aside is filled again from them. One caller at a time.</summary>
/// <param name="folder">The hub's folder.</param>
internal sealed class RememberedServers(string folder)
{
    private readonly string _file = Path.Combine(folder, "servers");

    /// <summary>What was written last; null: nothing was.</summary>
    /// <exception cref="IOException">It cannot be read.</exception>
    public string? Read() => File.Exists(_file) ? File.ReadAllText(_file) : null;

    /// <summary>Is on the disk when it returns, or the former is still there.</summary>
    /// <exception cref="IOException">The disk refused it.</exception>
    public void Write(string servers)
    {
        var fresh = _file + ".new";
        File.Delete(fresh);
        using (var stream = new FileStream(fresh, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite }))
        {
            stream.Write(System.Text.Encoding.UTF8.GetBytes(servers));
            stream.Flush(flushToDisk: true);
        }

        File.Move(fresh, _file, overwrite: true);
    }
}
