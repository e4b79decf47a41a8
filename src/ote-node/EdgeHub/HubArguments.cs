using System.CommandLine;
using System.Net;
using Ote.EdgeHub;
using Ote.Roles.Hosting;

namespace Ote.Node.EdgeHub;

/// <summary>The hub's own options on the command line, and how it is to run by them.</summary>
internal sealed class HubArguments
{
    private readonly Option<string> _node = new("--node-name") { Description = "The node's name", DefaultValueFactory = _ => Environment.MachineName.ToLowerInvariant() };
    private readonly Option<string[]> _kubeconfigs = new("--kubeconfig")
    {
        Description = "A component's kubeconfig that leads to the API server: the kubelet's first, then others such as kube-proxy's. Repeat it",
    };
    private readonly Option<string[]> _servers = new("--server") { Description = "URL of an API server; those of the kubeconfigs when absent. Repeat it" };
    private readonly Option<string> _balance = new("--balance") { Description = "By what the next of several API servers is chosen: least-pending, round-robin, or priority (the first that is up, in the order of --server)", DefaultValueFactory = _ => "least-pending" };
    private readonly Option<bool> _discover = new("--discover-servers")
    {
        Description = "Learn the cluster's other API servers from its endpoints default/kubernetes, as kube-proxy or another component that may list them, and remember them. Those that are named come first",
    };
    private readonly Option<string?> _clientCa = new("--client-ca-file") { Description = "The authority of the components' client certificates, in PEM; needed where a component shows one" };
    private readonly Option<string> _data = new("--data") { Description = "Directory for its cache, key and certificates", DefaultValueFactory = _ => "/var/lib/ote-node" };
    private readonly Option<string?> _listen = new("--listen", "-l") { Description = "Where the components reach it; 127.0.0.1:10261 when absent" };
    private readonly Option<string[]> _hosts = new("--host") { Description = "A further name or address that its certificate is good for. Repeat it" };
    private readonly Option<string?> _write = new("--write-kubeconfigs") { Description = "Write each component's kubeconfig anew into this folder, leading to the hub" };
    private readonly Option<string?> _advertise = new("--advertise")
    {
        Description = "Where other nodes of the site reach the hub, to see whether this node lives; the address of --listen when that is no loopback address",
    };
    private readonly Option<string?> _service = new("--kubernetes-service")
    {
        Description = "The cluster IP of the Service default/kubernetes: on this node it leads to --advertise, so that pods ask the hub, and are answered while cut off",
    };
    private readonly Option<bool> _share = new("--share-reads")
    {
        Description = "Read Services and what they lead to from another hub of the site that has this too, where there is one, and let others read them here: one connection to the API server carries them for the site. Needs --advertise and the label ote.baidu.com/site",
    };
    private readonly Option<string> _cacheBytes = new("--cache-max-bytes") { Description = "Bytes the cache may take, such as 512Mi; beyond, copies go that are not being read, those first that were read longest ago", DefaultValueFactory = _ => "512Mi" };
    private readonly Option<string?> _agent = new("--k3s-agent") { Description = "The folder of the node's k3s agent, such as /var/lib/rancher/k3s/agent: its kubeconfigs and authorities are taken, and the agent is answered in place of the k3s --server" };
    private readonly Option<string?> _agentListen = new("--k3s-listen") { Description = "Where the k3s agent reaches the hub; 127.0.0.1:10262 when absent" };
    private readonly Option<bool> _check = new("--check") { Description = "Look whether the hub could start with these options, and end: 0 when it could, 2 with the reason when not. A hub that runs is not disturbed" };

    /// <summary>Where it listens unless it is told.</summary>
    public static IPEndPoint UsualListen { get; } = new(IPAddress.Loopback, 10261);

    /// <summary>The command that takes them.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="description">What it does.</param>
    public Command Command(string name, string description) => new(name, description)
    {
        _node, _kubeconfigs, _servers, _balance, _discover, _clientCa, _data, _listen, _hosts, _write, _advertise, _service, _share, _cacheBytes, _agent, _agentListen, _check,
    };

    /// <summary>Whether it is only looked whether the hub could start.</summary>
    public bool IsCheck(ParseResult parsed) => parsed.GetValue(_check);

    /// <summary>The folder for the components' kubeconfigs that lead to the hub; null: none are written.</summary>
    public string? WriteKubeconfigs(ParseResult parsed) => parsed.GetValue(_write);

    /// <summary>How the hub is to run.</summary>
    /// <exception cref="RoleException">It could not as it was said.</exception>
    public EdgeHubOptions Read(ParseResult parsed)
    {
        EmptyValue.Refuse(parsed);
        var k3s = parsed.GetValue(_agent) is { } agentFolder ? new K3sAgent(Path.GetFullPath(agentFolder)) : null;
        string[] files = [.. parsed.GetValue(_kubeconfigs) ?? [], .. k3s?.Kubeconfigs ?? []];
        if (files.Length == 0)
        {
            throw new RoleException("--kubeconfig: give the kubelet's and those of other components, or the folder of a k3s agent with --k3s-agent");
        }

        if (k3s is not null && parsed.GetValue(_servers) is not { Length: > 0 })
        {
            throw new RoleException("--server: name the k3s server, such as https://10.0.0.1:6443: the agent's own kubeconfigs lead to its load balancer, or to the hub");
        }

        if (k3s is null && parsed.GetValue(_agentListen) is not null)
        {
            throw new RoleException("--k3s-listen: only a k3s agent is answered there; name its folder with --k3s-agent");
        }

        var listens = CommonOptions.EndPoint(parsed, _listen) ?? UsualListen;
        var reached = HubValues.Reached(CommonOptions.EndPoint(parsed, _advertise)) ?? (IPAddress.IsLoopback(listens.Address) || listens.Address.Equals(IPAddress.Any) || listens.Address.Equals(IPAddress.IPv6Any) ? null : listens);
        var options = new EdgeHubOptions
        {
            NodeName = HubValues.Named(parsed.GetRequiredValue(_node)),
            DataDirectory = Path.GetFullPath(parsed.GetRequiredValue(_data)),
            Kubeconfigs = files,
            Servers = [.. parsed.GetValue(_servers) is { Length: > 0 } named ? named.Select(HubValues.Address) : files.Select(HubValues.ServerOf)],
            Balance = HubValues.BalanceBy(parsed.GetRequiredValue(_balance)),
            DiscoversServers = parsed.GetValue(_discover),
            ClientAuthorities = HubValues.Authorities(parsed.GetValue(_clientCa) ?? k3s?.ClientAuthority),
            K3s = k3s?.Reached(CommonOptions.EndPoint(parsed, _agentListen)),
            MostCacheBytes = HubValues.CacheBytes(parsed.GetRequiredValue(_cacheBytes)),
            Listen = listens,
            Advertise = reached,
            SharesReads = HubValues.Shares(parsed.GetValue(_share), reached),
            KubernetesService = HubValues.Service(parsed.GetValue(_service), reached),
            Hosts = [.. parsed.GetValue(_hosts) ?? [], .. reached is null ? [] : new[] { $"{reached.Address}" }],
        };
        if (options.Servers.FirstOrDefault(server => new[] { listens, options.K3s?.Listen }.Any(own => IsThere(server, own))) is { } self)
        {
            throw new RoleException($"{self} is where the hub itself listens, not an API server; give a kubeconfig that leads to the API server, or name it with --server");
        }

        return options;
    }

    private static bool IsThere(Uri server, IPEndPoint? own) =>
        own is not null && server.Port == own.Port && IPAddress.TryParse(server.Host, out var address) && (address.Equals(own.Address) || IPAddress.IsLoopback(address));
}
