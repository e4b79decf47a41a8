using System.Net;
using Ote.EdgeHub.K3s;
using Ote.Roles.Hosting;

namespace Ote.Node.EdgeHub;

/// <summary>What the folder of a k3s agent holds that has joined its server.</summary>
/// <param name="folder">Such as <c>/var/lib/rancher/k3s/agent</c>.</param>
internal sealed class K3sAgent(string folder)
{
    /// <summary>In the order in which the hub wants them: the kubelet first. An agent may run without kube-proxy.</summary>
    private static readonly string[] s_kubeconfigs = ["kubelet.kubeconfig", "kubeproxy.kubeconfig", "k3scontroller.kubeconfig"];

    /// <summary>Its components' kubeconfigs.</summary>
    /// <exception cref="RoleException">The agent has not joined.</exception>
    public IReadOnlyList<string> Kubeconfigs
    {
        get
        {
            string[] there = [.. s_kubeconfigs.Select(name => Path.Combine(folder, name)).Where(File.Exists)];
            return there.FirstOrDefault() == Path.Combine(folder, s_kubeconfigs[0]) ? there
                : throw new RoleException($"--k3s-agent: {folder} has no {s_kubeconfigs[0]}; name the agent's folder, and let the agent join its server once before it is led to the hub");
        }
    }

    /// <summary>The authority of client certificates.</summary>
    public string ClientAuthority => Path.Combine(folder, "client-ca.crt");

    /// <summary>How the agent is to reach the hub.</summary>
    /// <param name="listen">Where; null: where it does by default.</param>
    public K3sOptions Reached(IPEndPoint? listen)
    {
        var options = new K3sOptions { CertificateFile = Path.Combine(folder, "serving-kubelet.crt"), KeyFile = Path.Combine(folder, "serving-kubelet.key") };
        return listen is null ? options : options with { Listen = listen };
    }
}
