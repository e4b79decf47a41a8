namespace Ote.Node.Install;

/// <summary>
/// The installed program: a folder with all that it needs, and its name where commands are looked for. A new one is laid out beside the one that is there, and takes its place whole; until that is known to work, the former one is kept.
/// </summary>
/// <param name="paths">Where things lie.</param>
internal sealed class InstalledProgram(NodePaths paths)
{
    private const UnixFileMode Runs = (UnixFileMode)0b111_101_101, IsRead = (UnixFileMode)0b110_100_100;
    private bool _isPlaced;
    private bool _isLinked;

    private string Staged => paths.Programs + ".new";

    private string Former => paths.Programs + ".former";

    private string FormerCommand => paths.Command + ".former";

    /// <summary>Whether the command is the installed program's, and no file or link of somebody else.</summary>
    private bool IsLinked => new FileInfo(paths.Command).LinkTarget == paths.Program;

    /// <summary>Lays a program out beside the one that is installed, which goes on. The one that is installed stays as it is when it is given itself.</summary>
    /// <param name="program">The executable.</param>
    /// <returns>The executable that can be tried there.</returns>
    /// <exception cref="IOException">There is no room for it.</exception>
    public string Stage(string program)
    {
        var own = Path.GetFullPath(program);
        if (!Directory.Exists(paths.Programs) && Directory.Exists(Former))
        {
            Directory.Move(Former, paths.Programs); // An installation was killed between its two steps.
        }

        if (own == paths.Program)
        {
            return own;
        }

        var files = ProgramFiles.Of(own);
        Clear(Staged);
        foreach (var (file, place) in files)
        {
            var target = Path.Combine(Staged, place);
            Made(Path.GetDirectoryName(target)!);
            File.Copy(file, target);
            File.SetUnixFileMode(target, place == ProgramFiles.Executable ? Runs : IsRead);
        }

        return Path.Combine(Staged, ProgramFiles.Executable);
    }

    /// <summary>What was laid out is of no use.</summary>
    public void Unstage() => Clear(Staged);

    /// <summary>What was laid out takes its place, and the command leads there.</summary>
    /// <exception cref="IOException">A disk refused it.</exception>
    public void Place()
    {
        Clear(Former);
        Delete(FormerCommand);
        if (Directory.Exists(Staged))
        {
            _isPlaced = true;
            if (Directory.Exists(paths.Programs))
            {
                Directory.Move(paths.Programs, Former);
            }

            Directory.Move(Staged, paths.Programs);
        }

        if (!IsLinked)
        {
            _isLinked = true;
            Directory.CreateDirectory(Path.GetDirectoryName(paths.Command)!);
            if (Exists(paths.Command))
            {
                File.Move(paths.Command, FormerCommand);
            }

            File.CreateSymbolicLink(paths.Command, paths.Program);
        }
    }

    /// <summary>What was there before takes its place again; where nothing was, nothing is left.</summary>
    /// <exception cref="IOException">A disk refused it.</exception>
    public void PutBack()
    {
        Clear(Staged);
        if (_isLinked)
        {
            Delete(paths.Command);
            if (Exists(FormerCommand))
            {
                File.Move(FormerCommand, paths.Command);
            }
        }

        if (_isPlaced)
        {
            Clear(paths.Programs);
            if (Directory.Exists(Former))
            {
                Directory.Move(Former, paths.Programs);
            }
        }
    }

    /// <summary>The new one works.</summary>
    public void Forget()
    {
        Clear(Former);
        Delete(FormerCommand);
    }

    /// <summary>Takes all of it away: also what an installation that was killed left.</summary>
    /// <exception cref="IOException">A disk refused it.</exception>
    public void Remove()
    {
        Delete(paths.Command);
        Delete(FormerCommand);
        Clear(Staged);
        Clear(Former);
        Clear(paths.Programs); // last: the command that does this may be running from there
    }

    private static bool Exists(string path) => File.Exists(path) || new FileInfo(path).LinkTarget is not null;

    private static void Delete(string path)
    {
        if (Exists(path))
        {
            File.Delete(path);
        }
    }

    private static void Clear(string folder)
    {
        if (Directory.Exists(folder))
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>Everybody may run it, whatever the installing user's mask.</summary>
    private static void Made(string folder)
    {
        if (!Directory.Exists(folder))
        {
            Directory.CreateDirectory(folder);
            File.SetUnixFileMode(folder, Runs);
        }
    }
}
