using System.Globalization;
using Ote.Node.Install;

namespace Ote.Node.Doctor;

/// <summary>Looks at the hub's folder and the room on its disk.</summary>
/// <param name="paths">Where things lie.</param>
/// <param name="freeOf">Bytes that are free on a folder's disk.</param>
internal sealed class FolderExamination(NodePaths paths, Func<string, long> freeOf)
{
    private const long LeastFree = 200L * 1024 * 1024;
    private const long Nothing = 1024 * 1024;

    private const UnixFileMode Others = UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute;

    /// <summary>Looks. Where nothing is installed and the usual folder is not there, there is nothing to say of it.</summary>
    public IReadOnlyList<Finding> Look() =>
        Directory.Exists(paths.Data) ? [Folder(), Disk()]
        : !File.Exists(paths.Unit) && paths.Data == new NodePaths(paths.Root).Data ? []
        : [new Finding("cache", Standing.Fails, $"{paths.Data} is not there{(Elsewhere is { } words ? $"; {words}" : "")}")];

    private string? Elsewhere => File.Exists(paths.Unit) && paths.InstalledData is var own && own != paths.Data ? $"{HubUnit.Name} keeps its cache in {own}, not in {paths.Data}; leave --data out to look at that" : null;

    private Finding Folder() =>
        Elsewhere is { } words ? new Finding("cache", Standing.Warning, words)
        : (File.GetUnixFileMode(paths.Data) & Others) != 0
            ? new Finding("cache", Standing.Fails, $"others than its owner can enter {paths.Data}, which holds secrets and their key; run chmod 700 {paths.Data}")
        : Directory.EnumerateFiles(paths.Data, "*.damaged*").FirstOrDefault() is { } damaged ? new Finding("cache", Standing.Warning, $"a damaged cache was put aside as {damaged}: what was written while cut off then is in it alone. Remove it when it is of no use")
        : new Finding("cache", Standing.Ok, $"{paths.Data} is the owner's alone");

    private Finding Disk()
    {
        var free = freeOf(paths.Data);
        return free < Nothing ? new Finding("disk", Standing.Fails, $"no room is left where {paths.Data} is: nothing new is kept for when the node is cut off, and writes while it is are refused. Make room; the hub goes on by itself")
            : free < LeastFree ? new Finding("disk", Standing.Warning, string.Create(CultureInfo.InvariantCulture, $"{free / 1024 / 1024} MiB are free where {paths.Data} is: on a full disk nothing is kept while cut off"))
            : new Finding("disk", Standing.Ok, "there is room");
    }
}
