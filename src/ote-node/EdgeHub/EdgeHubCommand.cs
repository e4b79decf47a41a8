using System.CommandLine;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Ote.EdgeHub;
using Ote.EdgeHub.Upstream;
using Ote.Kube.Client;
using Ote.Kube.Server.Schema.Validation;
using Ote.Roles.Hosting;

namespace Ote.Node.EdgeHub;

/// <summary><c>ote-node edgehub</c>: the API server of the node's own components, which answers when the cluster's cannot.</summary>
internal static class EdgeHubCommand
{
    /// <summary>Where it listens unless it is told.</summary>
    internal static IPEndPoint UsualListen { get; } = new(IPAddress.Loopback, 10261);

    public static Command Create()
    {
        var node = new Option<string>("--node-name") { Description = "The node's name", DefaultValueFactory = _ => Environment.MachineName.ToLowerInvariant() };
        var kubeconfigs = new Option<string[]>("--kubeconfig")
        {
            Description = "A component's kubeconfig that leads to the API server: the kubelet's first, then others such as kube-proxy's. Repeat it",
        };
        var servers = new Option<string[]>("--server") { Description = "URL of an API server; those of the kubeconfigs when absent. Repeat it" };
        var balance = new Option<string>("--balance") { Description = "By what the next of several API servers is chosen: least-pending, round-robin, or priority (the first that is up, in the order of --server)", DefaultValueFactory = _ => "least-pending" };
        var discover = new Option<bool>("--discover-servers")
        {
            Description = "Learn the cluster's other API servers from its endpoints default/kubernetes, as kube-proxy or another component that may list them, and remember them. Those that are named come first",
        };
        var clientCa = new Option<string?>("--client-ca-file") { Description = "The authority of the components' client certificates, in PEM; needed where a component shows one" };
        var data = new Option<string>("--data") { Description = "Directory for its cache, key and certificates", DefaultValueFactory = _ => "/var/lib/ote-node" };
        var listen = new Option<string?>("--listen", "-l") { Description = "Where the components reach it; 127.0.0.1:10261 when absent" };
        var hosts = new Option<string[]>("--host") { Description = "A further name or address that its certificate is good for. Repeat it" };
        var write = new Option<string?>("--write-kubeconfigs") { Description = "Write each component's kubeconfig anew into this folder, leading to the hub" };
        var advertise = new Option<string?>("--advertise")
        {
            Description = "Where other nodes of the site reach the hub, to see whether this node lives; the address of --listen when that is no loopback address",
        };
        var service = new Option<string?>("--kubernetes-service")
        {
            Description = "The cluster IP of the Service default/kubernetes: on this node it leads to --advertise, so that pods ask the hub, and are answered while cut off",
        };
        var share = new Option<bool>("--share-reads")
        {
            Description = "Read Services and what they lead to from another hub of the site that has this too, where there is one, and let others read them here: one connection to the API server carries them for the site. Needs --advertise and the label ote.baidu.com/site",
        };
        var cacheBytes = new Option<string>("--cache-max-bytes") { Description = "Bytes the cache may take, such as 512Mi; beyond, copies go that are not being read, those first that were read longest ago", DefaultValueFactory = _ => "512Mi" };
        var agent = new Option<string?>("--k3s-agent") { Description = "The folder of the node's k3s agent, such as /var/lib/rancher/k3s/agent: its kubeconfigs and authorities are taken, and the agent is answered in place of the k3s --server" };
        var agentListen = new Option<string?>("--k3s-listen") { Description = "Where the k3s agent reaches the hub; 127.0.0.1:10262 when absent" };
        var check = new Option<bool>("--check") { Description = "Look whether the hub could start with these options, and end: 0 when it could, 2 with the reason when not. A hub that runs is not disturbed" };
        var common = new CommonOptions();
        var command = new Command("edgehub", "The API server of a node's components: the cluster's while it answers, the node's own cache while it does not")
        {
            node, kubeconfigs, servers, balance, discover, clientCa, data, listen, hosts, write, advertise, service, share, cacheBytes, agent, agentListen, check,
        };
        common.AddTo(command);
        command.SetAction((parsed, _) => common.RunAsync(parsed, async host =>
        {
            var k3s = parsed.GetValue(agent) is { } agentFolder ? new K3sAgent(Path.GetFullPath(agentFolder)) : null;
            string[] files = [.. parsed.GetValue(kubeconfigs) ?? [], .. k3s?.Kubeconfigs ?? []];
            if (files.Length == 0)
            {
                throw new RoleException("--kubeconfig: give the kubelet's and those of other components, or the folder of a k3s agent with --k3s-agent");
            }

            if (k3s is not null && parsed.GetValue(servers) is not { Length: > 0 })
            {
                throw new RoleException("--server: name the k3s server, such as https://10.0.0.1:6443: the agent's own kubeconfigs lead to its load balancer, or to the hub");
            }

            if (k3s is null && parsed.GetValue(agentListen) is not null)
            {
                throw new RoleException("--k3s-listen: only a k3s agent is answered there; name its folder with --k3s-agent");
            }

            var folder = Path.GetFullPath(parsed.GetRequiredValue(data));
            var listens = CommonOptions.EndPoint(parsed, listen) ?? UsualListen;
            var reached = Reached(CommonOptions.EndPoint(parsed, advertise)) ?? (IPAddress.IsLoopback(listens.Address) || listens.Address.Equals(IPAddress.Any) || listens.Address.Equals(IPAddress.IPv6Any) ? null : listens);
            var options = new EdgeHubOptions
            {
                NodeName = Named(parsed.GetRequiredValue(node)),
                DataDirectory = folder,
                Kubeconfigs = files,
                Servers = [.. parsed.GetValue(servers) is { Length: > 0 } named ? named.Select(Address) : files.Select(ServerOf)],
                Balance = BalanceBy(parsed.GetRequiredValue(balance)),
                DiscoversServers = parsed.GetValue(discover),
                ClientAuthorities = Authorities(parsed.GetValue(clientCa) ?? k3s?.ClientAuthority),
                K3s = k3s?.Reached(CommonOptions.EndPoint(parsed, agentListen)),
                MostCacheBytes = CacheBytes(parsed.GetRequiredValue(cacheBytes)),
                Listen = listens,
                Advertise = reached,
                SharesReads = Shares(parsed.GetValue(share), reached),
                KubernetesService = Service(parsed.GetValue(service), reached),
                Hosts = [.. parsed.GetValue(hosts) ?? [], .. reached is null ? [] : new[] { $"{reached.Address}" }],
            };
            if (options.Servers.FirstOrDefault(server => new[] { listens, options.K3s?.Listen }.Any(own => IsThere(server, own))) is { } self)
            {
                throw new RoleException($"{self} is where the hub itself listens, not an API server; give a kubeconfig that leads to the API server, or name it with --server");
            }

            if (parsed.GetValue(write) is { } folderOfKubeconfigs)
            {
                ComponentKubeconfigs.Check(files, folderOfKubeconfigs);
            }

            IPEndPoint[] observes = CommonOptions.EndPoint(parsed, common.Observe) is { } observe ? [observe] : [];
            if (parsed.GetValue(check))
            {
                HubCheck.Run(options, host.Time, observes);
                FolderTrial.Look("--data", folder);
                if (parsed.GetValue(write) is { } wanted)
                {
                    FolderTrial.Look("--write-kubeconfigs", wanted);
                }

                await Console.Out.WriteLineAsync("the hub could start with these options").ConfigureAwait(false);
                return;
            }

            HubCheck.Begin(options, observes);
            using var held = DataLock.Take(folder);
            if (parsed.GetValue(write) is { } made)
            {
                ComponentKubeconfigs.Make(made);
            }

            Ote.EdgeHub.EdgeHub? hub = null;
            // From here on: a large cache on a slow disk takes long to be looked through.
            var watched = ServiceWatchdog.Of(Environment.GetEnvironmentVariable, Environment.ProcessId)?.RunAsync(() => GC.KeepAlive(Volatile.Read(ref hub)?.State), host.Time, host.Stop) ?? Task.CompletedTask;
            await using var observed = await Observation.StartAsync(
                observes.FirstOrDefault(), host, options.NodeName, () => Volatile.Read(ref hub) is { } running ? running.Trouble : "the hub is starting").ConfigureAwait(false);
            await using var started = await Ote.EdgeHub.EdgeHub.StartAsync(options, host.Loggers, host.Time, host.Random, host.Stop, host.Meters).ConfigureAwait(false);
            Volatile.Write(ref hub, started);
            if (parsed.GetValue(write) is { } target)
            {
                ComponentKubeconfigs.Write(files, target, started);
            }

            started.Strained += host.Settle;
            host.Settle();
            await Console.Out.WriteLineAsync($"ready: edgehub of {options.NodeName} answers at https://{started.Address}" + (started.AgentAddress is { } forAgent ? $", the k3s agent at https://{forAgent}" : "")).ConfigureAwait(false);
            await Task.WhenAll(Task.Delay(Timeout.InfiniteTimeSpan, host.Time, host.Stop), watched).ConfigureAwait(false);
        }));
        return command;
    }

    /// <summary>A name by which no node can be registered would make the hub take its kubelet for somebody else.</summary>
    internal static string Named(string node) =>
        node.Length is > 0 and <= 253 && node.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c is '-' or '.') && node.Split('.').All(part => part.Length > 0 && part[0] != '-' && part[^1] != '-') ? node
        : throw new RoleException($"--node-name: '{node}' is no name of a node; give it as `kubectl get nodes` shows it, in lower-case letters, digits, '-' and '.'");

    internal static Balance BalanceBy(string word) => word switch
    {
        "least-pending" => Balance.LeastPending,
        "round-robin" => Balance.RoundRobin,
        "priority" => Balance.Priority,
        _ => throw new RoleException($"--balance: '{word}' is none of least-pending, round-robin and priority; give one of them"),
    };

    /// <summary>Where others reach the hub is one address and one port.</summary>
    internal static IPEndPoint? Reached(IPEndPoint? advertised) =>
        advertised is null || (!advertised.Address.Equals(IPAddress.Any) && !advertised.Address.Equals(IPAddress.IPv6Any) && advertised.Port != 0) ? advertised
        : throw new RoleException($"--advertise: {advertised} is no place that another node could ask; give the node's own address in the site's network with the port of --listen, such as 10.0.0.7:10261 (--listen itself may be 0.0.0.0:10261)");

    private static bool IsThere(Uri server, IPEndPoint? own) =>
        own is not null && server.Port == own.Port && IPAddress.TryParse(server.Host, out var address) && (address.Equals(own.Address) || IPAddress.IsLoopback(address));

    private static Uri ServerOf(string file) => Kubeconfig.Load(file).Server is var server && server.Scheme == Uri.UriSchemeHttps ? server
        : throw new RoleException($"--kubeconfig: {file} leads to {server}, and a node's credentials are shown over https alone; give one that leads to the API server's https address");

    private static Uri Address(string text) => Uri.TryCreate(text, UriKind.Absolute, out var uri) && uri.Scheme == Uri.UriSchemeHttps && uri.AbsolutePath == "/" ? uri
        : throw new RoleException($"--server: '{text}' is no https URL of an API server without a path; write for instance https://10.0.0.1:6443");

    private static long CacheBytes(string text) => !Quantity.TryParse(text, out var most) ? throw new RoleException($"--cache-max-bytes: '{text}' is no quantity; write for instance 512Mi")
        : most < 1024 * 1024 ? throw new RoleException($"--cache-max-bytes: {text} is not enough for what a kubelet asks for; give at least 1Mi")
        : most > long.MaxValue ? throw new RoleException($"--cache-max-bytes: {text} is more than any disk has")
        : (long)most;

    private static bool Shares(bool asked, IPEndPoint? reached) => !asked || reached is not null ? asked
        : throw new RoleException("--share-reads: other hubs do not reach a loopback address; say with --advertise where they do, and let it --listen there");

    private static IPAddress? Service(string? text, IPEndPoint? reached) => text is null ? null
        : !IPAddress.TryParse(text, out var address) ? throw new RoleException($"--kubernetes-service: '{text}' is no address; give what `kubectl get service kubernetes` shows as CLUSTER-IP")
        : reached is null || IPAddress.IsLoopback(reached.Address) ? throw new RoleException("--kubernetes-service: pods do not reach a loopback address; say with --advertise where on the node they reach the hub, and let it --listen there")
        : address;

    private static X509Certificate2Collection Authorities(string? file)
    {
        var authorities = new X509Certificate2Collection();
        if (file is null)
        {
            return authorities;
        }

        try
        {
            authorities.ImportFromPemFile(file);
        }
        catch (Exception bad) when (bad is CryptographicException or IOException or UnauthorizedAccessException)
        {
            throw new RoleException($"--client-ca-file: {file} cannot be read as certificates in PEM: {bad.Message}");
        }

        return authorities.Count > 0 ? authorities : throw new RoleException($"--client-ca-file: {file} holds no certificate; give the cluster's ca.crt");
    }
}
