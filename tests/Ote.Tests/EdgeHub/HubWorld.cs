using System.Collections.Concurrent;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Ote.EdgeHub;
using Ote.EdgeHub.Offline;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Kube.Server;
using Ote.Kube.Server.Access;
using Ote.Testing;
using Ote.Testing.Kubernetes;
using Ote.Testing.Links;

namespace Ote.Tests.EdgeHub;

/// <summary>An embedded API server, a cable that can be pulled, and the hub of a node n1, all on loopback; a client as the node's kubelet.</summary>
internal sealed class HubWorld : IAsyncDisposable
{
    public const string Kubelet = "system:node:n1";
    private readonly Scratch _folder = new("hub");
    private readonly X509Certificate2Collection _authorities = [];

    private readonly IPAddress? _service;

    private readonly Components _components;

    private readonly bool _discovers;

    private HubWorld(ApiServer api, Components components, IPAddress? service, bool discovers) => (Api, _components, _service, _discovers) = (api, components, service, discovers);

    public ApiServer Api { get; }

    public CuttableRelay Cable { get; private set; } = null!;

    /// <summary>Another way to the API server, which the hub is not told of: it stands for another server of the cluster.</summary>
    public CuttableRelay Other { get; private set; } = null!;

    public Ote.EdgeHub.EdgeHub Hub { get; private set; } = null!;

    /// <summary>What the hubs have logged: ids, in order.</summary>
    public ConcurrentQueue<int> Logged { get; } = new();

    /// <summary>The administrator at the API server.</summary>
    public KubeClient Upstream { get; private set; } = null!;

    /// <summary>The kubelet, at the hub.</summary>
    public KubeClient Node { get; private set; } = null!;

    public string Folder => _folder["data"];

    /// <summary>How often the API server was asked for something.</summary>
    public int Asked(string verb, string resource) => _components.Requests.Count(request => request.Verb == verb && request.Resource == resource);

    /// <summary>Done when the API server has been asked for something, before it does it.</summary>
    public Action<AccessRequest>? WhenAsked
    {
        set => _components.WhenAsked = value;
    }

    /// <summary>What the API server refuses beyond what its components may not do anyway.</summary>
    public Func<AccessRequest, bool>? Refuses
    {
        set => _components.Refuses = value;
    }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>Starts all of it.</summary>
    /// <param name="service">The cluster IP of the Service kubernetes, where that is to lead to the hub.</param>
    /// <param name="discovers">Whether the hub looks for other API servers.</param>
    public static async Task<HubWorld> StartAsync(IPAddress? service = null, bool discovers = false)
    {
        // What a kubelet and kube-proxy may do, told as a host tells it.
        var components = new Components();
        var api = await ApiServer.StartAsync(new ApiServerOptions { Name = "up", PodsEndGracefully = true, Authorizer = components }, NullLoggerFactory.Instance, TimeProvider.System, Token);
        var world = new HubWorld(api, components, service, discovers);
        var at = await api.ListenAsync(new IPEndPoint(IPAddress.Loopback, 0), Token);
        (world.Cable, world.Other) = (new CuttableRelay(at), new CuttableRelay(at));
        world.Upstream = api.CreateClient(UserInfo.Admin);
        world._authorities.ImportFromPem(api.AuthorityPem);
        world.WriteKubeconfig("kubelet", new UserInfo(Kubelet, ["system:nodes"]));
        world.WriteKubeconfig("proxy", new UserInfo("system:kube-proxy", []));
        await world.StartHubAsync();
        await world.UntilAsync(ConnectionState.Connected);
        return world;
    }

    /// <summary>Starts the hub, for the first time or after <see cref="StopHubAsync"/>.</summary>
    public async Task StartHubAsync()
    {
        Hub = await Ote.EdgeHub.EdgeHub.StartAsync(
            new EdgeHubOptions
            {
                NodeName = "n1",
                DataDirectory = Folder,
                Servers = [new Uri($"https://127.0.0.1:{Cable.Port}/")],
                Kubeconfigs = [_folder["kubelet"], _folder["proxy"]],
                ClientAuthorities = _authorities,
                DiscoversServers = _discovers,
                ProbeInterval = TimeSpan.FromMilliseconds(50),
                KubernetesService = _service,
                Advertise = _service is null ? null : new IPEndPoint(IPAddress.Parse("10.1.2.3"), 10261),
            },
            new Ids(Logged), TimeProvider.System, () => 0.5, Token);
        Node = ClientOf("kubelet");
    }

    /// <summary>Ends the hub; what it keeps is on the disk.</summary>
    public async Task StopHubAsync()
    {
        Node.Dispose();
        await Hub.DisposeAsync();
    }

    /// <summary>Pulls the cable, and waits until the hub has seen it.</summary>
    public Task CutAsync()
    {
        Cable.Cut();
        return UntilAsync(ConnectionState.CutOff);
    }

    /// <summary>Puts it in again, and waits until the journal has been told.</summary>
    public Task RestoreAsync()
    {
        Cable.Restore();
        return UntilAsync(ConnectionState.Connected);
    }

    /// <summary>A client of the hub with a component's credentials.</summary>
    public KubeClient ClientOf(string component) => new(HubEndpoint(Kubeconfig.Load(_folder[component])).CreateHttpClient(TimeProvider.System));

    /// <summary>A pod at the hub, with its account's token.</summary>
    public KubeClient PodWith(string token) => new(HubEndpoint(new KubeEndpoint(new Uri("https://hub")) { Token = token }).CreateHttpClient(TimeProvider.System));

    /// <summary>A token of an account, made by the API server for who asks.</summary>
    public static async Task<string> TokenAsync(KubeClient asks, string account) => (await asks.SendAsync(
        HttpMethod.Post, $"api/v1/namespaces/default/serviceaccounts/{account}/token", new JsonObject { ["apiVersion"] = "authentication.k8s.io/v1", ["kind"] = "TokenRequest", ["spec"] = new JsonObject() }, null, Token)).Text("status", "token")!;

    /// <summary>The hub as it is reached with some endpoint's credentials.</summary>
    public KubeEndpoint HubEndpoint(KubeEndpoint credentials)
    {
        var authorities = new X509Certificate2Collection();
        authorities.ImportFromPem(Hub.AuthorityPem);
        return credentials with { Server = new Uri($"https://{Hub.Address}"), Authorities = authorities };
    }

    /// <summary>A kubeconfig of a user of the API server, through the cable.</summary>
    public string WriteKubeconfig(string name, UserInfo user)
    {
        var (certificate, key) = Api.IssueClientCertificate(user);
        File.WriteAllText(_folder[name], Kubeconfig.Write(new Uri($"https://127.0.0.1:{Cable.Port}"), "up", Api.AuthorityPem, certificate, key));
        return _folder[name];
    }

    /// <summary>A pod of the node, created and scheduled at the API server.</summary>
    public Task<JsonObject> CreatePodAsync(string name) => Upstream.CreateAsync(
        Kinds.Pods, "default",
        (JsonObject)JsonNode.Parse($$$"""{"apiVersion":"v1","kind":"Pod","metadata":{"name":"{{{name}}}"},"spec":{"nodeName":"n1","containers":[{"name":"c","image":"i"}]}}""")!, Token);

    public async ValueTask DisposeAsync()
    {
        await StopHubAsync();
        await Cable.DisposeAsync();
        await Other.DisposeAsync();
        Upstream.Dispose();
        await Api.DisposeAsync();
        _folder.Dispose();
    }

    /// <summary>Waits until something holds, for ten seconds at most.</summary>
    public static Task UntilAsync(Func<Task<bool>> holds, string what) => Eventually.HoldsAsync(holds, what, TimeSpan.FromSeconds(10), Token);

    private Task UntilAsync(ConnectionState state) => UntilAsync(() => Task.FromResult(Hub.State == state), $"the hub is {state}, it is {Hub.State}");

    private sealed class Ids(ConcurrentQueue<int> logged) : ILoggerFactory, ILogger
    {
        public ILogger CreateLogger(string categoryName) => this;

        public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException();

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) => logged.Enqueue(eventId.Id);

        public void Dispose()
        {
            // Nothing is held.
        }
    }

    private sealed class Components : IAuthorizer
    {
        public ConcurrentQueue<AccessRequest> Requests { get; } = new();

        public Action<AccessRequest>? WhenAsked { get; set; }

        public Func<AccessRequest, bool>? Refuses { get; set; }

        public string? Refuse(UserInfo user, AccessRequest request)
        {
            Requests.Enqueue(request);
            WhenAsked?.Invoke(request);
            return Refuses?.Invoke(request) == true ? "refused for this test" : Answer(user, request);
        }

        private static string? Answer(UserInfo user, AccessRequest request) =>
            user.Name == Kubelet || (user.Name == "system:kube-proxy" && request.Resource is "services" or "endpoints" or "endpointslices" or "nodes")
            || (user.Name == "system:serviceaccount:default:shop" && request.Resource is "services" or "secrets") ? null : "not a component's";
    }
}
