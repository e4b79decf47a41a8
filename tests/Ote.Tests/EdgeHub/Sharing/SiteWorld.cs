using System.Net;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;
using Ote.EdgeHub;
using Ote.EdgeHub.Offline;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Kube.Server;
using Ote.Kube.Server.Access;
using Ote.Testing.Kubernetes;
using Ote.Testing.Links;

namespace Ote.Tests.EdgeHub.Sharing;

/// <summary>An embedded API server and the hubs of the nodes n1, n2, … of one site, each with a cable of its own; what reads at each is its kube-proxy.</summary>
internal sealed class SiteWorld : IAsyncDisposable
{
    private readonly Scratch _folder = new("site");
    private readonly List<Node> _nodes = [];

    private SiteWorld(ApiServer api) => (Api, Upstream) = (api, api.CreateClient(UserInfo.Admin));

    public ApiServer Api { get; }

    /// <summary>The administrator at the API server.</summary>
    public KubeClient Upstream { get; }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>Starts the API server; nodes come by <see cref="AddAsync"/>.</summary>
    public static async Task<SiteWorld> StartAsync() => new(await ApiServer.StartAsync(new ApiServerOptions { Name = "up", Authorizer = new NodesAndProxies() }, NullLoggerFactory.Instance, TimeProvider.System, Token));

    /// <summary>A node of the site, and its hub once it is connected.</summary>
    /// <param name="name">The node.</param>
    /// <param name="shares">Whether it shares what it reads.</param>
    /// <param name="movesEndpoints">Whether the Service kubernetes leads to the hub on this node.</param>
    public async Task<Node> AddAsync(string name, bool shares = true, bool movesEndpoints = false)
    {
        await Upstream.CreateAsync(Kinds.Nodes, null, new JsonObject { ["apiVersion"] = "v1", ["kind"] = "Node", ["metadata"] = new JsonObject { ["name"] = name, ["labels"] = new JsonObject { ["ote.baidu.com/site"] = "shop" } } }, Token);
        var node = new Node(name, new CuttableRelay(await Listening()));
        _nodes.Add(node);
        var authorities = new X509Certificate2Collection();
        authorities.ImportFromPem(Api.AuthorityPem);
        var at = new IPEndPoint(IPAddress.Loopback, FreePorts.Take(1)[0]);
        node.Hub = await Ote.EdgeHub.EdgeHub.StartAsync(
            new EdgeHubOptions
            {
                NodeName = name,
                DataDirectory = _folder[name],
                Servers = [new Uri($"https://127.0.0.1:{node.Cable.Port}/")],
                Kubeconfigs = [WriteKubeconfig(node, "kubelet", new UserInfo($"system:node:{name}", ["system:nodes"])), WriteKubeconfig(node, "proxy", new UserInfo("system:kube-proxy", []))],
                ClientAuthorities = authorities,
                ProbeInterval = TimeSpan.FromMilliseconds(50),
                WitnessInterval = TimeSpan.FromMilliseconds(50),
                Listen = at,
                Advertise = at,
                SharesReads = shares,
                KubernetesService = movesEndpoints ? IPAddress.Parse("10.96.0.1") : null,
            },
            NullLoggerFactory.Instance, TimeProvider.System, () => 0.5, Token);
        var trusted = new X509Certificate2Collection();
        trusted.ImportFromPem(node.Hub.AuthorityPem);
        node.Proxy = new KubeClient((Kubeconfig.Load(_folder[$"{name}-proxy"]) with { Server = new Uri($"https://{at}"), Authorities = trusted }).CreateHttpClient(TimeProvider.System));
        await HubWorld.UntilAsync(() => Task.FromResult(node.Hub.State == ConnectionState.Connected), $"the hub of {name} is connected");
        return node;
    }

    /// <summary>A Service at the API server.</summary>
    public Task CreateServiceAsync(string name) => Upstream.CreateAsync(
        Kinds.Services, "default", (JsonObject)JsonNode.Parse($$$"""{"apiVersion":"v1","kind":"Service","metadata":{"name":"{{{name}}}","annotations":{"filling":"{{{new string('x', 4000)}}}"}},"spec":{"ports":[{"port":80}]}}""")!, Token);

    public async ValueTask DisposeAsync()
    {
        foreach (var node in _nodes)
        {
            node.Proxy?.Dispose();
            await node.EndAsync();
            await node.Cable.DisposeAsync();
        }

        Upstream.Dispose();
        await Api.DisposeAsync();
        _folder.Dispose();
    }

    private IPEndPoint? _listening;

    private async Task<IPEndPoint> Listening() => _listening ??= await Api.ListenAsync(new IPEndPoint(IPAddress.Loopback, 0), Token);

    private string WriteKubeconfig(Node node, string component, UserInfo user)
    {
        var (certificate, key) = Api.IssueClientCertificate(user);
        var file = _folder[$"{node.Name}-{component}"];
        File.WriteAllText(file, Kubeconfig.Write(new Uri($"https://127.0.0.1:{node.Cable.Port}"), "up", Api.AuthorityPem, certificate, key));
        return file;
    }

    /// <summary>One node of it.</summary>
    internal sealed class Node(string name, CuttableRelay cable)
    {
        private int _ended;

        public string Name => name;

        public CuttableRelay Cable => cable;

        public Ote.EdgeHub.EdgeHub Hub { get; set; } = null!;

        /// <summary>Its kube-proxy, at its hub.</summary>
        public KubeClient Proxy { get; set; } = null!;

        /// <summary>Ends its hub, once.</summary>
        public ValueTask EndAsync() => Hub is null || Interlocked.Exchange(ref _ended, 1) == 1 ? ValueTask.CompletedTask : Hub.DisposeAsync();

        /// <summary>Whether its kube-proxy hears of a Service within ten seconds.</summary>
        public async Task<bool> HearsOfAsync(string service)
        {
            using var patience = CancellationTokenSource.CreateLinkedTokenSource(Token);
            patience.CancelAfter(TimeSpan.FromSeconds(10));
            var list = await Proxy.SendAsync(HttpMethod.Get, "api/v1/services?resourceVersion=0", null, null, patience.Token);
            if (list.Items("items")!.Any(item => item.Text("metadata", "name") == service))
            {
                return true;
            }

            await foreach (var change in Proxy.WatchAsync(Kinds.Services, null, null, list.Text("metadata", "resourceVersion")!, patience.Token))
            {
                if (change.Object.Name() == service)
                {
                    return true;
                }
            }

            return false;
        }
    }

    private sealed class NodesAndProxies : IAuthorizer
    {
        public string? Refuse(UserInfo user, AccessRequest request) =>
            user.Name.StartsWith("system:node:", StringComparison.Ordinal) || (user.Name == "system:kube-proxy" && request.Resource is "services" or "endpointslices" or "nodes") ? null : "not a component's";
    }
}
