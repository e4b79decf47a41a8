namespace Ote.Testing.Kubernetes;

/// <summary>Where this checkout and its built executables are.</summary>
public static class Repository
{
    /// <summary>The folder that holds Ote.slnx.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>The built executable, of the configuration (debug or release) that these tests were built in.</summary>
    /// <param name="name"><c>ote</c>, <c>ote-center</c> or <c>otectl</c>.</param>
    public static string Executable(string name)
    {
        string configuration = new DirectoryInfo(AppContext.BaseDirectory).Name;
        string dll = Path.Combine(Root, "artifacts", "bin", name, configuration, name + ".dll");
        return File.Exists(dll) ? dll : throw new InvalidOperationException($"{dll} is not built; build the solution ({configuration}) and try again");
    }

    private static string FindRoot()
    {
        DirectoryInfo? folder = new(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Ote.slnx")))
            folder = folder.Parent;
        return folder?.FullName ?? throw new InvalidOperationException($"no Ote.slnx above {AppContext.BaseDirectory}; run the tests from a checkout");
    }
}
