using System.Net;
using System.Net.NetworkInformation;
using Ote.Kube.Client;
using Ote.Node.Doctor;

namespace Ote.Node.Install;

/// <summary>Looks at a hub of this machine as the kubelet does that is to ask it.</summary>
internal static class HubProbe
{
    /// <summary>Whether a hub that a kubeconfig leads to answers, be the node connected or cut off.</summary>
    public static async Task<bool> AnswersAsync(string kubeconfig, CancellationToken ct)
    {
        try
        {
            return (await BriefAnswer.OfAsync(Kubeconfig.Load(kubeconfig), "api", ct).ConfigureAwait(false)).Succeeded;
        }
        catch (KubeconfigException)
        {
            return false; // It is not written yet.
        }
    }

    /// <summary>Whether a process of this machine is connected to a hub that a kubeconfig leads to.</summary>
    public static bool IsAsked(string kubeconfig)
    {
        var hub = Kubeconfig.Load(kubeconfig).Server;
        return IPGlobalProperties.GetIPGlobalProperties().GetActiveTcpConnections()
            .Any(connection => connection.State == TcpState.Established && connection.RemoteEndPoint.Port == hub.Port && Plain(connection.RemoteEndPoint.Address).Equals(IPAddress.Parse(hub.Host)));
    }

    /// <summary>The site that a node's Node names, asked of a hub that a kubeconfig leads to; null: none, or there is no answer.</summary>
    public static async Task<string?> SiteOfAsync(string kubeconfig, string node, CancellationToken ct)
    {
        try
        {
            return SiteReach.SiteOf(await BriefAnswer.OfAsync(Kubeconfig.Load(kubeconfig), SiteReach.Path(node), ct).ConfigureAwait(false));
        }
        catch (KubeconfigException)
        {
            return null; // The kubelet reads it well; there is nothing to warn of.
        }
    }

    private static IPAddress Plain(IPAddress address) => address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
}
