namespace Ote.Roles.Hosting;

/// <summary>
/// A data directory in the hands of one process, for as long as that lives: two that write the same journal and the same identity lose both.
/// The system lets go of it when the process ends, however it does.
/// </summary>
internal sealed class DataLock : IDisposable
{
    /// <summary>Stands in each data directory. The store of an API keeps a file <c>lock</c> of its own, which may be beside it.</summary>
    public const string FileName = "in-use";

    // EAGAIN of Linux and of the BSDs: what a lock that another has is told with.
    private const int Held = 11, HeldElsewhere = 35;

    private readonly FileStream _held;

    private DataLock(FileStream held) => _held = held;

    /// <summary>Takes a directory, and makes it, for its owner only, when it is missing.</summary>
    /// <param name="directory">The directory.</param>
    /// <param name="option">What names it on the command line.</param>
    /// <exception cref="RoleException">Another process has it, or nobody may write there.</exception>
    public static DataLock Take(string directory, string option = "--data")
    {
        if (File.Exists(directory))
        {
            throw new RoleException($"{option}: {directory} is not a directory; choose an empty or a new one");
        }

        var path = Path.Combine(directory, FileName);
        try
        {
            Directory.CreateDirectory(directory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            return new DataLock(new FileStream(path, new FileStreamOptions
            {
                Mode = FileMode.OpenOrCreate,
                Access = FileAccess.ReadWrite,
                Share = FileShare.None,
                UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
            }));
        }
        catch (IOException used) when (used.HResult is Held or HeldElsewhere)
        {
            throw new RoleException($"{option}: {directory} is in use by another process of ote; end that one first, or give this one a directory of its own");
        }
        catch (IOException refused) when (refused is DirectoryNotFoundException or FileNotFoundException)
        {
            throw new RoleException($"{option}: {directory} cannot be made, nothing can be made there; choose a directory that this user may write to");
        }
        catch (IOException full) when (RoleFaults.IsFull(full))
        {
            throw new RoleException($"{option}: {directory} cannot be used: no room is left for {path}. Make room on its disk, and start again");
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
        {
            throw new RoleException($"{option}: {directory} cannot be used ({refused.Message.TrimEnd('.')}); choose a directory that this user may write to");
        }
    }

    /// <summary>Whether a process has a directory. It stays as it is.</summary>
    /// <param name="directory">The directory.</param>
    public static bool IsHeld(string directory)
    {
        try
        {
            using var free = new FileStream(Path.Combine(directory, FileName), FileMode.Open, FileAccess.Read, FileShare.None);
            return false;
        }
        catch (IOException used) when (used.HResult is Held or HeldElsewhere)
        {
            return true;
        }
        catch (Exception unread) when (unread is IOException or UnauthorizedAccessException)
        {
            return false; // Nobody took it yet; what is wrong with it otherwise is said by who needs it.
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _held.Dispose();
}
