using Ote.Roles.Hosting;

namespace Ote.Node.Install;

/// <summary>What an executable needs beside it to run.</summary>
internal static class ProgramFiles
{
    /// <summary>The executable's own name where it is installed.</summary>
    public const string Executable = "ote-node";

    /// <summary>Libraries that a published executable loads from its own folder: SQLite's has no form that could be linked in.</summary>
    private static readonly string[] s_libraries = ["libe_sqlite3.so"];

    /// <summary>Not needed by what runs.</summary>
    private static readonly string[] s_dispensable = [".pdb", ".xml", ".dbg"];

    /// <summary>The files of an executable, each with its place below the folder where it is installed. What is built and not published has its code and its libraries in all of its folder.</summary>
    /// <param name="program">The executable's full path.</param>
    /// <exception cref="RoleException">One of them is not there.</exception>
    public static IReadOnlyList<(string File, string Place)> Of(string program)
    {
        var folder = Path.GetDirectoryName(program)!;
        if (File.Exists(program + ".dll"))
        {
            return [(program, Executable), .. Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories)
                .Where(file => file != program && !s_dispensable.Contains(Path.GetExtension(file))).Select(file => (file, Path.GetRelativePath(folder, file)))];
        }

        return s_libraries.FirstOrDefault(library => !File.Exists(Path.Combine(folder, library))) is { } missing
            ? throw new RoleException($"{missing}, without which {program} cannot run the hub, is not beside it: copy it there from the folder that `./ote publish` filled; nothing was changed")
            : [(program, Executable), .. s_libraries.Select(library => (Path.Combine(folder, library), library))];
    }
}
