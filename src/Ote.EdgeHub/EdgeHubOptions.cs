using System.Net;
using System.Security.Cryptography.X509Certificates;
using Ote.EdgeHub.K3s;
using Ote.EdgeHub.Upstream;

namespace Ote.EdgeHub;

/// <summary>How a node's hub runs.</summary>
public sealed record EdgeHubOptions
{
    /// <summary>The node's name.</summary>
    public required string NodeName { get; init; }

    /// <summary>Folder for its cache, its key and its certificates; made for the owner alone.</summary>
    public required string DataDirectory { get; init; }

    /// <summary>The cluster's API servers that are used in any case, those first that are preferred.</summary>
    public required IReadOnlyList<Uri> Servers { get; init; }

    /// <summary>By what the next of them is chosen.</summary>
    public Balance Balance { get; init; } = Balance.LeastPending;

    /// <summary>Whether the cluster's other API servers are learnt from its Endpoints <c>default/kubernetes</c>, and remembered. They are reached with the kubeconfigs' trust, by their addresses.</summary>
    public bool DiscoversServers { get; init; }

    /// <summary>Kubeconfigs of the node's components; the first one's credentials also ask whether servers are ready.</summary>
    public required IReadOnlyList<string> Kubeconfigs { get; init; }

    /// <summary>The authorities that the components' client certificates chain to; empty: components show tokens.</summary>
    public X509Certificate2Collection ClientAuthorities { get; init; } = [];

    /// <summary>The user that the node's kubelet is.</summary>
    public string Kubelet => $"system:node:{NodeName}";

    /// <summary>
    /// Whether what is the same on all nodes of the site, Services and what they lead to, is read from one of its hubs in place of each node's own connection to the API server, and others may read it here. Needs
    /// <see cref="Advertise"/>.
    /// </summary>
    public bool SharesReads { get; init; }

    /// <summary>Where it listens.</summary>
    public IPEndPoint Listen { get; init; } = new(IPAddress.Loopback, 0);

    /// <summary>Further names and addresses its certificate is good for.</summary>
    public IReadOnlyList<string> Hosts { get; init; } = [];

    /// <summary>Bytes that the cache may take on the disk before copies go that are not being read, those first that were read longest ago.</summary>
    public long MostCacheBytes { get; init; } = 512L * 1024 * 1024;

    /// <summary>How often a server is asked whether it is ready.</summary>
    public TimeSpan ProbeInterval { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>How long it may take to say so.</summary>
    public TimeSpan ProbeTimeout { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>How long the API server may take to begin an answer to a component.</summary>
    public TimeSpan AnswerTimeout { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>Where other nodes of the site reach this hub, to see whether its kubelet lives; null: they are not told, and it looks after none.</summary>
    public IPEndPoint? Advertise { get; init; }

    /// <summary>The cluster IP of the Service <c>default/kubernetes</c>, which leads to <see cref="Advertise"/> on this node, so that its pods ask the hub; null: it leads where it does in the cluster.</summary>
    public IPAddress? KubernetesService { get; init; }

    /// <summary>How the node's k3s agent reaches the hub in place of its server; null: the node has none.</summary>
    public K3sOptions? K3s { get; init; }

    /// <summary>Makes what carries requests to the API servers in place of sockets, where there are none; null: sockets.</summary>
    internal Func<HttpMessageHandler>? Transport { get; init; }

    /// <summary>Makes the uids of objects that are made here while cut off.</summary>
    internal Func<Guid> NewUid { get; init; } = Guid.NewGuid;

    /// <summary>How often it looks after them.</summary>
    public TimeSpan WitnessInterval { get; init; } = TimeSpan.FromSeconds(5);
}
