using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Ote.Cluster.Handling;
using Ote.Cluster.Identity;
using Ote.Cluster.Journal;
using Ote.Cluster.Routing;
using Ote.Cluster.Tunnel;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Kube.Resources;
using Ote.Kube.Server;
using Ote.Kube.Server.Access;
using Ote.Protocol.Tunnel;
using RouteEntry = Ote.Cluster.Routing.RouteEntry;

namespace Ote.Tests.Cluster.Handling;

/// <summary>What the root's <c>Cluster</c> objects say, over an API server in memory and routes that the test tells.</summary>
public sealed class ClusterObjectsTests : IAsyncLifetime
{
    private readonly FakeTimeProvider _time = new(TimeProvider.System.GetUtcNow());
    private readonly CancellationTokenSource _stop = new();
    private readonly CertificateAuthority _authority = CertificateAuthority.Create(TimeProvider.System);
    private ApiServer _server = null!;
    private KubeClient _api = null!;
    private RouteKeeper _routes = null!;
    private ClusterObjects _objects = null!;
    private OutdatedLinks _outdated = null!;
    private Task _running = Task.CompletedTask;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _server = await ApiServer.StartAsync(new ApiServerOptions { Name = "root", InstallCrds = Crds.Load() }, NullLoggerFactory.Instance, TimeProvider.System, Ct);
        _api = _server.CreateClient(UserInfo.Admin);
        _routes = new RouteKeeper(new RouteEntry { Name = "root", Uid = "u-root", Online = true }, new MemoryJournal(), _time, NullLogger.Instance);
        var identity = new IdentitySource(_authority.CreateIdentity(new PeerIdentity("root", "u-root"), []));
        var certificates = new ClusterCertificates(identity, new RevocationKeeper(new MemoryJournal(), identity, NullLogger.Instance), null, null, _time);
        var uplink = new Uplink("root", _time, TimeSpan.FromMinutes(1)) { IsRoot = true };
        _outdated = new OutdatedLinks(_routes, _ => null, (_, _) => { });
        _objects = new ClusterObjects(_routes, uplink, _api, _ => Task.CompletedTask, certificates, _time, static () => 0.5, NullLogger.Instance, outdated: _outdated);
        _running = _objects.RunAsync(_stop.Token);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAny(_running);
        _objects.Dispose();
        _api.Dispose();
        await _server.DisposeAsync();
        _authority.Dispose();
        _stop.Dispose();
    }

    [Fact]
    public async Task Paths_of_those_below_follow_a_branch_that_moves_though_they_say_nothing_themselves()
    {
        _routes.Apply(t => t.ChildAttached(Entry("south", "root")));
        _routes.Apply(t => t.SnapshotReceived("south", Told(Entry("south", "root"), Entry("north", "south"), Entry("c1", "north"))));
        await PathAsync("c1", "root/south/north/c1");

        _routes.Apply(t => t.ChildAttached(Entry("north", "root", epoch: 2))); // before south has missed it
        await PathAsync("c1", "root/north/c1");
    }

    [Fact]
    public async Task The_object_of_a_cluster_without_a_route_stays_for_a_while_with_what_operators_wish_of_it()
    {
        _routes.Apply(t => t.ChildAttached(Entry("north", "root")));
        _routes.Apply(t => t.SnapshotReceived("north", Told(Entry("north", "root"), Entry("c1", "north"))));
        await PathAsync("c1", "root/north/c1");
        _routes.Apply(t => t.SnapshotReceived("north", Told(Entry("north", "root"))));
        await UntilAsync("c1", c => c?.Text("status", "status") == "unknown");

        _routes.Apply(t => t.SnapshotReceived("north", Told(Entry("north", "root"), Entry("c1", "north"))));
        await UntilAsync("c1", c => c?.Text("status", "status") == "online");

        _routes.Apply(t => t.SnapshotReceived("north", Told(Entry("north", "root"))));
        await UntilAsync("c1", c => c?.Text("status", "status") == "unknown");
        _time.Advance(TimeSpan.FromMinutes(2));
        await UntilAsync("c1", c => c is null);
    }

    [Fact]
    public async Task What_was_forgotten_above_goes_at_once_with_its_object()
    {
        _routes.Apply(t => t.ChildAttached(Entry("north", "root")));
        _routes.Apply(t => t.SnapshotReceived("north", Told(Entry("north", "root"), Entry("c1", "north"))));
        await PathAsync("c1", "root/north/c1");
        var uid = _routes.Read(t => t.Find("c1")!.Uid);
        _outdated.Forget(new ForgetCluster { Name = "c1", Uid = uid, Epoch = 1 }); // it is there
        Assert.NotNull(_routes.Read(t => t.Find("c1")));
        _routes.Apply(t => t.SnapshotReceived("north", Told(Entry("north", "root"), Entry("c1", "north") with { Online = false })));
        await UntilAsync("c1", c => c?.Text("status", "status") == "offline");
        _outdated.Forget(new ForgetCluster { Name = "c1", Uid = uid, Epoch = 1 });
        await UntilAsync("c1", c => c is null);
        Assert.Null(_routes.Read(t => t.Find("c1")));
    }

    [Fact]
    public async Task Cluster_away_from_home_says_so_when_its_home_is_drained_and_when_that_is_taken_back()
    {
        _routes.Apply(t => t.ChildAttached(Entry("north", "root")));
        _routes.Apply(t => t.ChildAttached(Entry("c1", "root") with { Home = "north" }));
        await UntilAsync("c1", c => c?.Condition("AtHome").Text("reason") == "OtherParent");
        await DrainAsync(true);
        await UntilAsync("c1", c => c?.Condition("AtHome").Text("reason") == "HomeDrained");
        await DrainAsync(false);
        await UntilAsync("c1", c => c?.Condition("AtHome").Text("reason") == "OtherParent");

        Task DrainAsync(bool drain) => _api.PatchAsync(Kinds.Clusters, null, "north", PatchKind.Merge, new JsonObject { ["spec"] = new JsonObject { ["drain"] = drain } }, Ct);
    }

    [Fact]
    public async Task Cluster_away_from_home_says_so_when_its_home_comes_to_hang_below_it()
    {
        var away = Entry("c1", "root") with { Home = "north" };
        _routes.Apply(t => t.ChildAttached(Entry("north", "root")));
        _routes.Apply(t => t.ChildAttached(away));
        await UntilAsync("c1", c => c?.Condition("AtHome").Text("reason") == "OtherParent");
        _routes.Apply(t => t.ChildDetached("north", 0));
        _routes.Apply(t => t.SnapshotReceived("c1", Told(away, Entry("c2", "c1"))));
        await PathAsync("c2", "root/c1/c2");
        _routes.Apply(t => t.SnapshotReceived("c1", Told(away, Entry("c2", "c1"), Entry("north", "c2", epoch: 2))));
        await UntilAsync("c1", c => c?.Condition("AtHome").Text("reason") == "HomeBelow");
    }

    [Fact]
    public async Task Who_is_away_by_itself_is_offline_again_when_the_cluster_above_it_is_back()
    {
        RouteSnapshot told = Told(Entry("north", "root"), Entry("c1", "north") with { Online = false });
        _routes.Apply(t => t.ChildAttached(Entry("north", "root")));
        _routes.Apply(t => t.SnapshotReceived("north", told));
        await UntilAsync("c1", c => c?.Text("status", "status") == "offline");
        _routes.Apply(t => t.ChildDetached("north", 0));
        await TouchAsync(); // as a root that starts again looks at all
        await UntilAsync("c1", c => c?.Condition("Ready").Text("reason") == "AncestorLost");

        _routes.Apply(t => t.ChildAttached(Entry("north", "root", epoch: 2)));
        await UntilAsync("c1", c => c?.Text("status", "status") == "offline" && c.Condition("Ready").Text("reason") == "NotAttached");

        Task TouchAsync() => _api.PatchAsync(Kinds.Clusters, null, "c1", PatchKind.Merge, new JsonObject { ["metadata"] = new JsonObject { ["labels"] = new JsonObject { ["seen"] = "yes" } } }, Ct);
    }

    [Fact]
    public async Task Who_went_beyond_what_this_api_reaches_is_unknown_with_its_new_parent_and_so_is_what_went_along()
    {
        _routes.Apply(t => t.ChildAttached(Entry("north", "root")));
        _routes.Apply(t => t.SnapshotReceived("north", Told(Entry("north", "root"), Entry("c1", "north") with { Home = "far" }, Entry("c2", "c1"))));
        await UntilAsync("c2", c => c?.Text("status", "status") == "online");
        _routes.Apply(t => t.SnapshotReceived("north", Told(Entry("north", "root"), Entry("c1", "north") with { Online = false, Home = "far" }, Entry("c2", "c1") with { Online = false })));
        await UntilAsync("c1", c => c?.Text("status", "status") == "offline");
        await UntilAsync("c2", c => c?.Condition("Ready").Text("reason") == "AncestorLost");

        _routes.Apply(t => t.Moved("c1", "u-c1", new LaterPlace("far", 2)));

        await UntilAsync("c1", c => (c?.Text("status", "status"), c?.Text("status", "movedTo"), c?.Condition("Ready").Text("reason"), c?.Condition("AtHome").Text("status")) == ("unknown", "far", "AttachedElsewhere", "True"));
        await UntilAsync("c2", c => c?.Condition("Ready").Text("message")?.StartsWith("c1, below which it hung, has attached to far since", StringComparison.Ordinal) == true && c.Text("status", "movedTo") is null);
        _routes.Apply(t => t.SnapshotReceived("north", Told(Entry("north", "root"), Entry("c1", "north", epoch: 3), Entry("c2", "c1"))));
        await UntilAsync("c1", c => c?.Text("status", "status") == "online" && c.Text("status", "movedTo") is null);
        await UntilAsync("c2", c => c?.Text("status", "status") == "online");
    }

    private static RouteEntry Entry(string name, string parent, ulong epoch = 1) => new() { Name = name, Uid = "u-" + name, Parent = parent, Online = true, Epoch = epoch };

    private static RouteSnapshot Told(params RouteEntry[] entries) => new() { Version = 1, Entries = { entries.Select(RouteWire.ToWire) } };

    private Task PathAsync(string name, string path) => UntilAsync(name, c => string.Join('/', c?.Items("status", "path") ?? []) == path);

    // All of it takes less virtual time than the patience with a lost route, however slow the machine is.
    private async Task UntilAsync(string name, Func<JsonObject?, bool> condition)
    {
        JsonObject? last = null;
        for (var i = 0; i < 4000; i++)
        {
            last = await _api.GetAsync(Kinds.Clusters, null, name, Ct);
            if (condition(last))
            {
                return;
            }

            _time.Advance(TimeSpan.FromMilliseconds(25));
            await Task.Delay(TimeSpan.FromMilliseconds(5), TimeProvider.System, Ct);
        }

        Assert.Fail($"Cluster {name} stayed {last?["status"]?.ToJsonString() ?? "away"}");
    }
}
