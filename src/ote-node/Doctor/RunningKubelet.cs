using System.Globalization;
using System.Text;

namespace Ote.Node.Doctor;

/// <summary>A kubelet that runs, as <c>/proc</c> tells of it.</summary>
/// <param name="Process">Its process id.</param>
/// <param name="Kubeconfig">What its command line names; null: nothing.</param>
internal sealed record RunningKubelet(int Process, string? Kubeconfig)
{
    private const string Option = "--kubeconfig", Name = "kubelet";
    private const int MostSaid = 60;

    /// <summary>The one that a service runs: its main process, or a child of that where a script waits for it. Null: there is none, or it cannot be seen.</summary>
    /// <param name="proc">The folder <c>/proc</c>.</param>
    /// <param name="main">The service's main process.</param>
    public static RunningKubelet? Of(string proc, int main)
    {
        if (Command(proc, main) is not { } words)
        {
            return null;
        }

        return KubeconfigOf(words) is { } named ? new(main, named)
            : Processes(proc).Where(process => Parent(proc, process) == main)
                .Select(process => Command(proc, process) is { } child && KubeconfigOf(child) is { } file ? new RunningKubelet(process, file) : null)
                .FirstOrDefault(found => found is not null) ?? new(main, null);
    }

    /// <summary>Any that runs, whoever started it; null: none is seen.</summary>
    /// <param name="proc">The folder <c>/proc</c>.</param>
    public static RunningKubelet? Any(string proc) =>
        Processes(proc).Select(process => Command(proc, process) is [var program, ..] words && Path.GetFileName(program) == Name ? new RunningKubelet(process, KubeconfigOf(words)) : null)
            .FirstOrDefault(found => found is not null);

    /// <summary>All that were started with a kubeconfig of a folder, whatever they are and whoever started them.</summary>
    /// <param name="proc">The folder <c>/proc</c>.</param>
    /// <param name="folder">Where the kubeconfigs lie.</param>
    public static IEnumerable<RunningKubelet> From(string proc, string folder) =>
        Processes(proc).Select(process => Command(proc, process) is { } words && KubeconfigOf(words) is { } file && LiesIn(file, folder) ? new RunningKubelet(process, file) : null).OfType<RunningKubelet>();

    /// <summary>The service to which the system counts a process, its main one or any below it, a script's child too; null: none, or it cannot be seen.</summary>
    /// <param name="proc">The folder <c>/proc</c>.</param>
    /// <param name="process">The process.</param>
    public static string? ServiceOf(string proc, int process) => Read(proc, process, "cgroup") is not { } groups ? null
        : groups.Split('\n').Select(line => line.Split(':', 3)) // hierarchy, controllers, path (cgroups(7)); systemd's own is the only one of version 2, and is named in version 1
            .Where(parts => parts is [_, "" or "name=systemd", _])
            .Select(parts => parts[2].Split('/').LastOrDefault(part => part.EndsWith(".service", StringComparison.Ordinal))).FirstOrDefault(service => service is not null);

    /// <summary>A process as it is told to people: its id, and the beginning of what it was started with.</summary>
    /// <param name="proc">The folder <c>/proc</c>.</param>
    public string Said(string proc)
    {
        if (Command(proc, Process) is not [var program, .. var words])
        {
            return $"process {Process}";
        }

        var line = string.Join(' ', words.Prepend(Path.GetFileName(program)));
        return $"process {Process} ({(line.Length > MostSaid ? line[..MostSaid] + "..." : line)})";
    }

    /// <summary>Whether a file is one of a folder, by its name alone.</summary>
    public static bool LiesIn(string file, string folder) => Path.GetFullPath(file, "/").StartsWith(folder + "/", StringComparison.Ordinal);

    /// <summary>A service's folder is the root, from where a name that begins nowhere is looked for.</summary>
    private static string? KubeconfigOf(string[] words)
    {
        var named = words.LastOrDefault(word => word.StartsWith(Option + "=", StringComparison.Ordinal)) is { } joined ? joined[(Option.Length + 1)..]
            : Array.LastIndexOf(words, Option) is >= 0 and var at && at + 1 < words.Length ? words[at + 1]
            : "";
        return named.Length == 0 ? null : Path.GetFullPath(named, "/");
    }

    private static IEnumerable<int> Processes(string proc) => !Directory.Exists(proc) ? []
        : Directory.EnumerateDirectories(proc).Select(folder => int.TryParse(Path.GetFileName(folder), NumberStyles.None, CultureInfo.InvariantCulture, out var process) ? process : 0).Where(process => process > 0).Order();

    private static string[]? Command(string proc, int process) => Read(proc, process, "cmdline") is { Length: > 0 } text ? text.TrimEnd('\0').Split('\0') : null;

    /// <summary>Behind the program's name, which may hold anything, stand its state and its parent (proc_pid_stat(5)).</summary>
    private static int Parent(string proc, int process) =>
        Read(proc, process, "stat") is { } stat && stat[(stat.LastIndexOf(')') + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries) is [_, var parent, ..]
        && int.TryParse(parent, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : 0;

    private static string? Read(string proc, int process, string file)
    {
        try
        {
            return File.ReadAllText(Path.Combine(proc, process.ToString(CultureInfo.InvariantCulture), file), Encoding.UTF8);
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            return null; // It has ended since, or is not shown to others.
        }
    }
}
