using System.Net;

namespace Ote.EdgeHub.K3s;

/// <summary>How a k3s agent reaches the hub in place of its server.</summary>
public sealed record K3sOptions
{
    /// <summary>Where the agent reaches it, by a name or address that its serving certificate is good for.</summary>
    public IPEndPoint Listen { get; init; } = new(IPAddress.Loopback, 10262);

    /// <summary>The kubelet's serving certificate as the agent keeps it, in PEM: issued by the k3s server's authority, by which agents judge whom they ask. Read again for each connection.</summary>
    public required string CertificateFile { get; init; }

    /// <summary>Its key, in PEM.</summary>
    public required string KeyFile { get; init; }
}
