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
using Ote.Kube.Server;
using Ote.Kube.Server.Access;

namespace Ote.Tests.Cluster.Handling;

public sealed class RolloverTests : IAsyncLifetime
{
    private readonly FakeTimeProvider _time = new(TimeProvider.System.GetUtcNow());
    private readonly string _directory = Directory.CreateTempSubdirectory("ote-rollover-").FullName;
    private readonly MemoryJournal _journal = new();
    private ApiServer _server = null!;
    private KubeClient _api = null!;
    private RootAuthorities _authorities = null!;
    private RouteKeeper _routes = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _server = await ApiServer.StartAsync(new ApiServerOptions { Name = "root" }, NullLoggerFactory.Instance, TimeProvider.System, Ct);
        _api = _server.CreateClient(UserInfo.Admin);
        _authorities = RootAuthorities.LoadOrCreate(_directory, _time, null);
        _routes = new RouteKeeper(new RouteEntry { Name = "root", Uid = "u-root", Online = true }, _journal, _time, NullLogger.Instance);
    }

    public async ValueTask DisposeAsync()
    {
        _api.Dispose();
        await _server.DisposeAsync();
        await _journal.DisposeAsync();
        _authorities.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    [Fact]
    public async Task Finish_that_is_found_as_the_next_ca_takes_over_is_judged_by_who_has_renewed_under_that_one()
    {
        _authorities.Start("r1");
        ShowRoot();
        _routes.Apply(t => t.ChildAttached(new RouteEntry
        {
            Name = "c1", Uid = "u-c1", Parent = "root", Online = true, Epoch = 1, Trust = _authorities.Trust.Version, Authority = TrustKeeper.Mark(_authorities.Active.Authority),
        }));
        await _api.CreateAsync(Kinds.Namespaces, null, new JsonObject
        {
            ["apiVersion"] = "v1", ["kind"] = "Namespace", ["metadata"] = new JsonObject { ["name"] = ClusterController.SystemNamespace },
        }, Ct);
        await _api.CreateAsync(Kinds.ConfigMaps, ClusterController.SystemNamespace, new JsonObject
        {
            ["apiVersion"] = "v1",
            ["kind"] = "ConfigMap",
            ["metadata"] = new JsonObject { ["name"] = Rollover.ConfigMap, ["namespace"] = ClusterController.SystemNamespace },
            ["data"] = new JsonObject { ["wish"] = "finish", ["request"] = "r2", ["force"] = "false" },
        }, Ct);
        var identity = new IdentitySource(_authorities.Active.CreateIdentity(new PeerIdentity("root", "u-root"), []));
        var revocations = new RevocationKeeper(_journal, identity, NullLogger.Instance);
        var revoker = new Revoker(revocations, _authorities, "u-root", TimeSpan.Zero, _time, NullLogger.Instance);
        using var stop = new CancellationTokenSource();
        using var rollover = new Rollover(
            _api, _authorities, new TrustKeeper(_journal, identity, NullLogger.Instance), revoker, revocations, _routes,
            ct => Task.Run(ShowRoot, ct), // the root renews its own certificate while the others are told
            TimeSpan.Zero, _time, static () => 0.5, NullLogger.Instance);
        var running = rollover.RunAsync(stop.Token);

        var shown = await SmallTree.UntilAsync(_api, Kinds.ConfigMaps, ClusterController.SystemNamespace, Rollover.ConfigMap, m => m.Text("data", "answered") == "r2", Ct);

        Assert.StartsWith("refused: certificates of the former CA are still in use: c1", shown.Text("data", "answer"), StringComparison.Ordinal);
        Assert.Equal(RolloverPhase.Renewing, _authorities.Phase);
        await stop.CancelAsync();
        await Task.WhenAny(running);
    }

    private void ShowRoot() => _routes.Apply(t => t.SetSelf(t.Self with { Trust = _authorities.Trust.Version, Authority = TrustKeeper.Mark(_authorities.Active.Authority) }));
}
