using System.Net;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;
using Ote.Cluster.Reports;
using Ote.Flow;
using Ote.Kube.Objects;
using Ote.Kube.Server.Access;
using Ote.Kube.Server.Http;
using Ote.Kube.Server.Store;
using Ote.Mirror.Applying;
using Ote.Protocol.Reports;
using Ote.Tests.Cluster.Handling;

namespace Ote.Tests.Cluster.Reports;

/// <summary>A tree whose mirror is another process': by the door of its root, over mutual TLS.</summary>
public sealed class RemoteTreeTests : IAsyncLifetime
{
    private readonly SmallTree _tree = new() { Reports = true };
    private readonly ServerPki _pki = Pki();
    private readonly MirrorStore _mirror = MirrorStore.Open(new MirrorOptions { Streams = ["configmaps"] }, TimeProvider.System, NullLogger.Instance);
    private readonly CancellationTokenSource _stop = new();
    private readonly Signal _changed = new();
    private readonly List<(string From, string? Cause)> _told = [];
    private FollowDoor _door = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _mirror.Changes.Listen(_ => _changed.Set());
        await _tree.StartRootAsync(Ct);
        _door = await FollowDoor.StartAsync(
            new IPEndPoint(IPAddress.Loopback, 0), _pki.Serving, certificate => _pki.Issued(certificate, TimeProvider.System.GetUtcNow()), NullLoggerFactory.Instance, Tell, Ct);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _door.DisposeAsync();
        await _tree.DisposeAsync();
        await _mirror.DisposeAsync();
        _pki.Dispose();
        _stop.Dispose();
    }

    [Fact]
    public async Task What_clusters_report_is_mirrored_from_afar_and_again_after_whoever_leads_has_changed()
    {
        await _tree.AddAsync("c1", "root", [], Ct);
        await PutAsync("m", "1");
        using var first = new CancellationTokenSource();
        _door.Lead(_tree["root"], first.Token);
        using var tree = new RemoteTree(_ => Task.FromResult(Place(_pki)));
        var following = new TreeFollower(_mirror, tree.FollowAsync, TimeProvider.System, static () => 0.5, NullLogger.Instance).RunAsync(_stop.Token);
        await MirroredAsync("m-c1", "1");
        await first.CancelAsync();
        await UntilAsync(() => Task.FromResult(Ended("leads the tree no more")));
        await PutAsync("m", "2");
        _door.Lead(_tree["root"], _stop.Token);
        await MirroredAsync("m-c1", "2");
        await _stop.CancelAsync();
        await following.ContinueWith(static _ => { }, Ct, TaskContinuationOptions.None, TaskScheduler.Default);
    }

    [Fact]
    public async Task Nobody_is_let_in_without_a_certificate_of_the_doors_authority_and_no_other_door_is_believed()
    {
        _door.Lead(_tree["root"], Ct);
        using var stranger = Pki();
        var known = Place(_pki);
        foreach (var place in (FollowPlace[])[Place(stranger) with { AuthorityPem = known.AuthorityPem }, known with { AuthorityPem = stranger.AuthorityPem }])
        {
            using var tree = new RemoteTree(_ => Task.FromResult(place));
            await Assert.ThrowsAsync<IOException>(() => FirstAsync(tree));
        }

        using var own = new RemoteTree(_ => Task.FromResult(known));
        Assert.Equal("root", (await FirstAsync(own)).Cluster);
        Assert.DoesNotContain("PRIVATE", known.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Before_anybody_leads_a_follower_is_told_so()
    {
        using var tree = new RemoteTree(_ => Task.FromResult(Place(_pki)));
        Assert.Contains("503", (await Assert.ThrowsAsync<IOException>(() => FirstAsync(tree))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Requests_of_users_reach_a_cluster_as_who_asks_and_no_header_makes_one_another()
    {
        await _tree.AddAsync("c1", "root", [], Ct);
        await _tree.ClusterIsAsync("c1", "online", Ct);
        _door.Lead(_tree["root"], Ct);
        using var tree = new RemoteTree(_ => Task.FromResult(Place(_pki)));
        await FirstAsync(tree); // from then on it is known where
        using var created = await SendAsync(tree, "alice", ["a,b", "system:masters"], HttpMethod.Post, """{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"by-alice"}}""");
        Assert.Equal(HttpStatusCode.Created, created.StatusCode);
        Assert.NotNull(await _tree.Cluster("c1").GetAsync(Kinds.ConfigMaps, "default", "by-alice", Ct));
        foreach (var header in (string[])["Ote-Groups", "Impersonate-Group"])
        {
            using var refused = await SendAsync(tree, "bob", [], HttpMethod.Get, null, (header, "system:masters"));
            Assert.Equal(HttpStatusCode.Forbidden, refused.StatusCode);
            Assert.Contains("bob", await refused.Content.ReadAsStringAsync(Ct), StringComparison.Ordinal);
        }
    }

    private static ServerPki Pki() => ServerPki.Open(null, "follow", ["localhost"], TimeProvider.System);

    private static async Task<TreeReport> FirstAsync(RemoteTree tree)
    {
        await foreach (var told in tree.FollowAsync(Silence(), Ct))
        {
            return told;
        }

        throw new InvalidOperationException("nothing was told");

        static async IAsyncEnumerable<TreeRequest> Silence()
        {
            await Task.CompletedTask;
            yield break;
        }
    }

    private static async Task<HttpResponseMessage> SendAsync(RemoteTree tree, string user, string[] groups, HttpMethod method, string? body, (string Name, string Value)? header = null)
    {
        using var handler = new InProcessHandler(context => tree.ForwardAsync(context, "c1", user, groups, "/api/v1/namespaces/default/configmaps"), UserInfo.Anonymous);
        using var client = new HttpClient(handler) { BaseAddress = new Uri("https://manager.test/") };
        using var request = new HttpRequestMessage(method, "anything");
        if (header is { } lie)
        {
            request.Headers.Add(lie.Name, lie.Value);
        }

        if (body is not null)
        {
            request.Content = new StringContent(body, System.Text.Encoding.UTF8, "application/json");
        }

        return await client.SendAsync(request, HttpCompletionOption.ResponseContentRead, Ct);
    }

    private FollowPlace Place(ServerPki pki)
    {
        var (certificate, key) = pki.IssueClient(new UserInfo("manager", []), TimeProvider.System.GetUtcNow());
        return new FollowPlace(_door.EndPoint.ToString(), pki.AuthorityPem, certificate, key);
    }

    private void Tell(string from, string? cause)
    {
        lock (_told)
        {
            _told.Add((from, cause));
        }

        _changed.Set();
    }

    private bool Ended(string cause)
    {
        lock (_told)
        {
            return _told.Any(t => t.Cause?.Contains(cause, StringComparison.Ordinal) == true);
        }
    }

    private async Task PutAsync(string name, string value)
    {
        var obj = new JsonObject { ["apiVersion"] = "v1", ["kind"] = "ConfigMap", ["metadata"] = new JsonObject { ["name"] = name, ["namespace"] = "default" }, ["data"] = new JsonObject { ["v"] = value } };
        var api = _tree.Cluster("c1");
        await (await api.GetAsync(Kinds.ConfigMaps, "default", name, Ct) is null ? api.CreateAsync(Kinds.ConfigMaps, "default", obj, Ct) : api.ReplaceAsync(Kinds.ConfigMaps, obj, Ct));
    }

    private Task MirroredAsync(string shown, string value) => UntilAsync(
        async () => await _mirror.FindAsync(new StoreKey("/configmaps", "default", shown), Ct) is { } stored && JsonNode.Parse(stored.Json)!.Text("data", "v") == value);

    /// <summary>Looks again at each change of the mirror, and at each word of the door.</summary>
    private async Task UntilAsync(Func<Task<bool>> condition)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        patience.CancelAfter(TimeSpan.FromSeconds(60));
        while (!await condition())
        {
            await _changed.WaitAsync(patience.Token);
        }
    }
}
