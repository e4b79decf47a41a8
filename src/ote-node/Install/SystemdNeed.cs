using Ote.Roles.Hosting;

namespace Ote.Node.Install;

/// <summary>That a machine's services are systemd's, which is looked for before anything else: its programs may lie on a machine that something else runs.</summary>
internal static class SystemdNeed
{
    /// <summary>Sees whether systemd runs here.</summary>
    /// <param name="paths">Where things lie.</param>
    /// <param name="command">What needs it.</param>
    /// <exception cref="RoleException">It does not; the message says how a hub is run then.</exception>
    public static void See(NodePaths paths, string command)
    {
        if (!Directory.Exists(paths.Systemd))
        {
            throw new RoleException($"systemd does not run here (there is no folder {paths.Systemd}), and {command} is for a kubelet that is a service of it{(command == "doctor" ? "" : "; nothing was changed")}: "
                + "run the hub by hand, or under your own supervisor, as the documentation says in \"Nodes that are cut off\" under \"By hand\": `ote-node edgehub --write-kubeconfigs DIR ...`, and the kubelet with the kubeconfig that it writes there");
        }
    }
}
