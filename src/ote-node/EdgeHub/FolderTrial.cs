using Ote.Roles.Hosting;

namespace Ote.Node.EdgeHub;

/// <summary>Sees whether a folder could be made and written, and leaves nothing there.</summary>
internal static class FolderTrial
{
    /// <summary>Looks, by a folder that is made and removed again in it, or in the nearest one above it that is there: what a file system says of itself beforehand (<c>/proc</c> can be written by root) is not what it does.</summary>
    /// <param name="option">What names it on the command line.</param>
    /// <param name="folder">The folder.</param>
    /// <exception cref="RoleException">It could not.</exception>
    public static void Look(string option, string folder)
    {
        var there = Path.GetFullPath(folder);
        while (!Directory.Exists(there))
        {
            if (File.Exists(there))
            {
                throw new RoleException($"{option}: {there} is not a directory; choose an empty or a new one");
            }

            there = Path.GetDirectoryName(there)!;
        }

        var trial = Path.Combine(there, $".ote-node-check-{Environment.ProcessId}");
        try
        {
            Directory.CreateDirectory(trial, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            Directory.Delete(trial);
        }
        catch (IOException full) when (RoleFaults.IsFull(full) && there == Path.GetFullPath(folder))
        {
            // With what is there already a hub begins on a full disk too.
        }
        catch (IOException full) when (RoleFaults.IsFull(full))
        {
            throw new RoleException($"{option}: {folder} cannot be made: no room is left in {there}. Make room on its disk");
        }
        catch (IOException none) when (none is DirectoryNotFoundException or FileNotFoundException)
        {
            throw new RoleException($"{option}: {folder} cannot be made, nothing can be made in {there}; name a folder that this user may make or write");
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
        {
            throw new RoleException($"{option}: {folder} cannot be {(there == Path.GetFullPath(folder) ? "written" : "made")} ({refused.Message.TrimEnd('.').Replace(trial, there, StringComparison.Ordinal)}); name a folder that this user may make or write");
        }
    }
}
