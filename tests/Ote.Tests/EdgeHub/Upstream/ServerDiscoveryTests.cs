using System.Collections.Concurrent;
using System.Net;
using Microsoft.Extensions.Time.Testing;
using Ote.EdgeHub.Upstream;
using Ote.Kube.Client;
using Ote.Testing.Kubernetes;
using Ote.Tests.Cluster.Handling;

namespace Ote.Tests.EdgeHub.Upstream;

public sealed class ServerDiscoveryTests : IAsyncDisposable
{
    private const string Kubelet = "system:node:n1";
    private static readonly Uri s_named = new("https://10.0.0.1:6443/");
    private readonly Scratch _folder = new("discovery");
    private readonly Heard _log = new();
    private readonly FakeTimeProvider _time = new();
    private readonly UpstreamServers _servers;
    private readonly ApiServers _api = new();
    private readonly NodeIdentity[] _components;
    private readonly CancellationTokenSource _end = new();
    private Task _running = Task.CompletedTask;

    public ServerDiscoveryTests()
    {
        _servers = new UpstreamServers([s_named], _log);
        _servers.Tell(s_named, health => health.Answered());
        _components = [.. new[] { Kubelet, "cni", "system:kube-proxy" }.Select(name => NodeIdentity.Of(new KubeEndpoint(s_named) { Token = "t" }, name, _servers, _time, () => _api.As(name)))];
    }

    [Fact]
    public async Task Endpoints_are_read_as_kube_proxy_else_as_another_that_may_and_last_as_the_kubelet()
    {
        _api.Allowed.TryAdd(Kubelet, true);
        Begin();
        await HubWorld.UntilAsync(() => Task.FromResult(_servers.All.Count == 2), "the other server is known");
        Assert.Equal(["system:kube-proxy", "cni", Kubelet], _api.Asked.Take(3));
        Assert.Equal([s_named, new Uri("https://10.0.0.2:6443/")], _servers.All);
        Assert.DoesNotContain(_log.Lines, line => line.Contains(" 7025 ", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Where_nobody_may_it_is_said_once_what_to_give_and_tried_again_now_and_then()
    {
        Begin();
        var said = await _log.UntilAsync("Warning 7025 ");
        Assert.Contains($"lets none of system:kube-proxy, cni, {Kubelet} list the endpoints default/kubernetes. Give kube-proxy's kubeconfig with --kubeconfig", said, StringComparison.Ordinal);
        await AdvanceUntilAsync(() => _api.Asked.Count >= 9, "it was tried twice more");
        Assert.Single(_log.Lines, line => line.Contains(" 7025 ", StringComparison.Ordinal));
        Assert.Equal([s_named], _servers.All);
        _api.Allowed.TryAdd("cni", true);
        await AdvanceUntilAsync(() => _servers.All.Count == 2, "the other server is known");
    }

    [Fact]
    public async Task What_was_discovered_is_known_at_the_next_start_before_any_server_was_asked()
    {
        _api.Allowed.TryAdd("cni", true);
        Begin();
        await HubWorld.UntilAsync(() => Task.FromResult(_servers.All.Count == 2), "the other server is known");
        var after = new UpstreamServers([s_named], _log);
        Discovery(after).Recall();
        Assert.Equal([s_named, new Uri("https://10.0.0.2:6443/")], after.All);
    }

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        await _running;
        foreach (var component in _components)
        {
            component.Dispose();
        }

        _api.Dispose();
        _end.Dispose();
        _folder.Dispose();
    }

    private void Begin() => _running = Discovery(_servers).RunAsync(_end.Token);

    private ServerDiscovery Discovery(UpstreamServers servers) => new(servers, _components, new RememberedServers(_folder.Path), Kubelet, () => [], _time, () => 0.5, _log);

    private Task AdvanceUntilAsync(Func<bool> holds, string what) => HubWorld.UntilAsync(
        () =>
        {
            _time.Advance(TimeSpan.FromMinutes(1));
            return Task.FromResult(holds());
        },
        what);

    /// <summary>The cluster's endpoints for those who may read them.</summary>
    private sealed class ApiServers : IDisposable
    {
        private readonly ConcurrentBag<HttpMessageHandler> _made = [];

        public ConcurrentDictionary<string, bool> Allowed { get; } = new();

        public ConcurrentQueue<string> Asked { get; } = new();

        public HttpMessageHandler As(string name)
        {
            var door = new Door(this, name);
            _made.Add(door);
            return door;
        }

        public void Dispose()
        {
            foreach (var door in _made)
            {
                door.Dispose();
            }
        }

        private sealed class Door(ApiServers all, string name) : HttpMessageHandler
        {
            protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
            {
                all.Asked.Enqueue(name);
                Assert.StartsWith("/api/v1/namespaces/default/endpoints?fieldSelector=metadata.name%3Dkubernetes", request.RequestUri!.PathAndQuery, StringComparison.Ordinal);
                if (!all.Allowed.ContainsKey(name))
                {
                    return new HttpResponseMessage(HttpStatusCode.Forbidden) { Content = new StringContent("{}") };
                }

                if (request.RequestUri.Query.Contains("watch=true", StringComparison.Ordinal))
                {
                    await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, cancellationToken);
                }

                return new HttpResponseMessage(HttpStatusCode.OK)
                {
                    Content = new StringContent("""
                        {"kind":"EndpointsList","apiVersion":"v1","metadata":{"resourceVersion":"7"},"items":[{"metadata":{"name":"kubernetes","resourceVersion":"7"},
                        "subsets":[{"addresses":[{"ip":"10.0.0.1"},{"ip":"10.0.0.2"}],"ports":[{"name":"https","port":6443}]}]}]}
                        """),
                };
            }
        }
    }
}
