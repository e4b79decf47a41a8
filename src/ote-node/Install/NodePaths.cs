using Ote.Roles.Hosting;

namespace Ote.Node.Install;

/// <summary>Where an installed hub lies on a machine.</summary>
/// <param name="Root">The machine's root folder.</param>
internal sealed record NodePaths(string Root)
{
    private const string DropInName = "90-ote-node.conf";

    /// <summary>The program with what it needs beside it.</summary>
    public string Programs => Path.Combine(Root, "usr/local/lib/ote-node");

    /// <summary>The executable.</summary>
    public string Program => Path.Combine(Programs, ProgramFiles.Executable);

    /// <summary>The link to it where commands are looked for.</summary>
    public string Command => Path.Combine(Root, "usr/local/bin/ote-node");

    /// <summary>Where units of the machine's own lie, and what is added to others.</summary>
    public string Units => Path.Combine(Root, "etc/systemd/system");

    /// <summary>The hub's unit.</summary>
    public string Unit => Path.Combine(Units, HubUnit.Name);

    /// <summary>The components' kubeconfigs that lead to the hub.</summary>
    public string Kubeconfigs => Path.Combine(Root, "etc/kubernetes/edgehub");

    /// <summary>Cache, key and journal.</summary>
    public string Data { get; init; } = Path.Combine(Root, "var/lib/ote-node");

    /// <summary>What leads a k3s agent to the hub, which its administrator writes.</summary>
    public string K3sLead => Path.Combine(Root, "etc/rancher/k3s/config.yaml.d/90-ote-node.yaml");

    /// <summary>Is there where systemd runs the machine's services (sd_booted(3)).</summary>
    public string Systemd => Path.Combine(Root, "run/systemd/system");

    /// <summary>What the system tells of its processes.</summary>
    public string Processes => Path.Combine(Root, "proc");

    /// <summary>What leads a kubelet's unit to the hub.</summary>
    public string DropIn(string kubelet) => Path.Combine(Units, kubelet + ".d", DropInName);

    /// <summary>The units that are led to the hub, whatever they are called: those with a drop-in of ours.</summary>
    public IReadOnlyList<string> Led => !Directory.Exists(Units) ? []
        : [.. Directory.EnumerateDirectories(Units, "*.d").Where(folder => File.Exists(Path.Combine(folder, DropInName)) && KubeletUnit.IsOurs(File.ReadAllText(Path.Combine(folder, DropInName))))
            .Select(folder => Path.GetFileName(folder)[..^".d".Length]).Order(StringComparer.Ordinal)];

    /// <summary>Whether anything is there that an installation made, but for a cache.</summary>
    public bool IsAnythingInstalled => Path.Exists(Unit) || Path.Exists(Programs) || Path.Exists(Programs + ".former") || Path.Exists(Kubeconfigs) || new FileInfo(Command).LinkTarget == Program || Led.Count > 0;

    /// <summary>The installed unit's text; null: there is none.</summary>
    public string? UnitText() => File.Exists(Unit) ? File.ReadAllText(Unit) : null;

    /// <summary>The data folder that the installed unit names, or else the usual one.</summary>
    public string InstalledData => UnitText() is { } unit && HubUnit.ValuesOf(unit, "--data").LastOrDefault() is { } own ? own : new NodePaths(Root).Data;

    /// <summary>The same with the data folder that is given; null: with the one of the installed unit.</summary>
    public NodePaths WithData(string? given) => this with { Data = given is null ? InstalledData : Path.GetFullPath(given) };

    /// <summary>The first thing in a data folder that no hub put there, so that it is not the hub's own; null: there is none.</summary>
    public static string? StrangeIn(string folder) => Directory.EnumerateFileSystemEntries(folder)
        .FirstOrDefault(path => Path.GetFileName(path) is not (DataLock.FileName or "node.key" or "node.key.new" or "node.key.damaged" or "pki" or "pki.damaged" or "servers" or "servers.new" or "lost+found") and var name
            && !name.StartsWith("node.db", StringComparison.Ordinal));
}
