using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;
using Ote.Cluster.Handling;
using Ote.Cluster.Identity;
using Ote.Cluster.Journal;
using Ote.Cluster.Replicas;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Kube.Resources;
using Ote.Kube.Server;
using Ote.Kube.Server.Access;

namespace Ote.Tests.Cluster.Replicas;

/// <summary>What the replicas of a root have in common is on their API.</summary>
public sealed class RootSharingTests : IAsyncLifetime
{
    private readonly string _folder = Directory.CreateTempSubdirectory("ote-replica-").FullName;
    private ApiServer _server = null!;
    private KubeClient _api = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        var options = new ApiServerOptions { Name = "api", InstallCrds = Crds.Load(), Namespaces = [ClusterController.SystemNamespace] };
        _server = await ApiServer.StartAsync(options, NullLoggerFactory.Instance, TimeProvider.System, Ct);
        _api = _server.CreateClient(UserInfo.Admin);
    }

    public async ValueTask DisposeAsync()
    {
        _api.Dispose();
        await _server.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task Replicas_that_are_first_at_once_make_one_CA()
    {
        var all = await Task.WhenAll(Enumerable.Range(0, 8).Select(i => Task.Run(() => LoadAsync($"r{i}"), Ct)));
        var one = Assert.Single(all.Distinct());
        using var authority = CertificateAuthority.FromPem(one.CertificatePem, one.KeyPem, TimeProvider.System);
        Assert.DoesNotContain(one.KeyPem, one.ToString(), StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(_folder)); // the key is nowhere else
    }

    [Fact]
    public async Task Single_root_becomes_the_first_replica_and_another_trees_root_does_not()
    {
        using var single = CertificateAuthority.LoadOrCreate(Path.Combine(_folder, "single"), TimeProvider.System);
        await File.WriteAllTextAsync(Path.Combine(_folder, "single", "uid"), "u-1", Ct);
        var shared = await LoadAsync("single");
        Assert.Equal(("u-1", single.Pin), (shared.Uid, CertificateAuthority.FromPem(shared.CertificatePem, shared.KeyPem, TimeProvider.System).Pin));
        Assert.Equal(shared, await LoadAsync("second"));

        using var other = CertificateAuthority.LoadOrCreate(Path.Combine(_folder, "other"), TimeProvider.System);
        await File.WriteAllTextAsync(Path.Combine(_folder, "other", "uid"), "u-2", Ct);
        Assert.Contains("another root's identity", (await Assert.ThrowsAsync<IdentityException>(() => LoadAsync("other"))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Next_leader_knows_the_clusters_and_who_is_shut_out()
    {
        await using (var first = await RootMemory.LoadAsync(_api, Ct))
        {
            Assert.Empty(first.Load(RevocationKeeper.Book));
            await first.WriteAsync(JournalChange.Put(RevocationKeeper.Book, RevocationKeeper.Key, [1]));
            await first.WriteAsync(JournalChange.Put(RevocationKeeper.Book, RevocationKeeper.Key, [2, 3]));
        }

        var created = await _api.CreateAsync(Kinds.Clusters, null, new JsonObject
        {
            ["apiVersion"] = "ote.baidu.com/v1", ["kind"] = "Cluster", ["metadata"] = new JsonObject { ["name"] = "c1" }, ["spec"] = new JsonObject { ["name"] = "c1" },
        }, Ct);
        created["status"] = new JsonObject
        {
            ["uid"] = "u1", ["parentName"] = "region", ["epoch"] = 42, ["path"] = new JsonArray("root", "region", "c1"), ["tags"] = new JsonArray("tier=edge"), ["status"] = "offline",
        };
        await _api.ReplaceStatusAsync(Kinds.Clusters, created, Ct);

        await using var next = await RootMemory.LoadAsync(_api, Ct);
        Assert.Equal([2, 3], Assert.Single(next.Load(RevocationKeeper.Book)).Value);
        var route = Ote.Protocol.Tunnel.RouteEntry.Parser.ParseFrom(Assert.Single(next.Load(RouteKeeper.Book)).Value);
        Assert.Equal(("c1", "u1", "region", "region", 42UL, "tier=edge"), (route.Name, route.Uid, route.Parent, route.Hop, route.Epoch, Assert.Single(route.Tags)));
    }

    [Fact]
    public async Task Hosts_of_all_replicas_are_the_roots_and_loopback_and_what_another_holds_are_not_claimed()
    {
        await _api.CreateAsync(Kinds.Clusters, null, new JsonObject
        {
            ["apiVersion"] = "ote.baidu.com/v1", ["kind"] = "Cluster", ["metadata"] = new JsonObject { ["name"] = "c1" },
            ["spec"] = new JsonObject { ["name"] = "c1", ["uid"] = "u1", ["hosts"] = new JsonArray("Shop.example") },
        }, Ct);
        string[] own = ["203.0.113.7", "203.0.113.8", "r3.example", "shop.example"];
        var answers = await Task.WhenAll(own.Select(host => Task.Run(() => ClaimAsync(host), Ct)));
        var again = await ClaimAsync("203.0.113.7");

        var root = await _api.GetAsync(Kinds.Clusters, null, "root", Ct);
        Assert.Equal(["203.0.113.7", "203.0.113.8", "r3.example"], root.Items("spec", "hosts")!.Select(h => h!.ToString()));
        Assert.Equal([0, 0, 0, 1], answers.Select(a => a.Count));
        Assert.Equal(("shop.example", "c1"), (Assert.Single(answers[3]).Key, answers[3].Values.Single()));
        Assert.Empty(again);
    }

    [Fact]
    public void Beats_of_a_term_are_above_all_of_the_term_before_and_above_those_of_a_single_root()
    {
        const long Term = 1_772_000_000;
        Assert.True(RootReplica.FirstBeat(Term + 1) > RootReplica.FirstBeat(Term) + uint.MaxValue);
        Assert.True(RootReplica.FirstBeat(Term) > 4_000_000_000_000); // milliseconds, where a single root was restored
    }

    private Task<IReadOnlyDictionary<string, string>> ClaimAsync(string host) => RootHosts.ClaimAsync(
        _api, new ClusterControllerOptions { Name = "root", DataDirectory = _folder, Listen = new(System.Net.IPAddress.Loopback, 8287), Advertise = $"{host}:8287" }, Ct);

    private Task<RootIdentity> LoadAsync(string directory) => RootSecret.LoadOrCreateAsync(_api, Path.Combine(_folder, directory), TimeProvider.System, Ct);
}
