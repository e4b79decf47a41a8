namespace Ote.Node.Install;

/// <summary>Where an installed hub lies on a machine.</summary>
/// <param name="Root">The machine's root folder.</param>
internal sealed record NodePaths(string Root)
{
    /// <summary>The executable.</summary>
    public string Program => Path.Combine(Root, "usr/local/bin/ote-node");

    /// <summary>The hub's unit.</summary>
    public string Unit => Path.Combine(Root, "etc/systemd/system", HubUnit.Name);

    /// <summary>The components' kubeconfigs that lead to the hub.</summary>
    public string Kubeconfigs => Path.Combine(Root, "etc/kubernetes/edgehub");

    /// <summary>Cache, key and journal.</summary>
    public string Data => Path.Combine(Root, "var/lib/ote-node");

    /// <summary>What leads a kubelet's unit to the hub.</summary>
    public string DropIn(string kubelet) => Path.Combine(Root, "etc/systemd/system", kubelet + ".d", "90-ote-node.conf");
}
