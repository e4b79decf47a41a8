using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;
using Ote.Flow;
using Ote.Kube.Objects;
using Ote.Kube.Server.Store;
using Ote.Mirror.Applying;
using Ote.Protocol.Reports;
using Ote.Protocol.Tunnel;
using Ote.Tests.Cluster.Handling;

namespace Ote.Tests.Cluster.Reports;

/// <summary>Whole controllers, real clusters' API servers at the leaves, and a mirror at the root.</summary>
public sealed class MirrorTreeTests
{
    private const string ConfigMaps = "/configmaps";

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_a_cluster_two_levels_down_has_is_at_the_root_and_what_it_loses_goes_there_too()
    {
        await using var world = await World.StartAsync();
        await world.Tree.AddAsync("north", "root", [], Ct, leaf: false);
        await world.Tree.AddAsync("c1", "north", [], Ct);
        await world.PutAsync("c1", "m", "1");
        await world.MirroredAsync("m-c1", "1");
        await world.PutAsync("c1", "m", "2");
        await world.MirroredAsync("m-c1", "2");
        await world.Tree.Cluster("c1").DeleteAsync(Kinds.ConfigMaps, "default", "m", Ct);
        await world.MirroredAsync("m-c1", null);
    }

    [Fact]
    [Trait("Defect", "M5")]
    public async Task What_changed_while_a_controller_on_the_way_was_away_is_told_when_there_is_a_way_again()
    {
        await using var world = await World.StartAsync();
        await world.Tree.AddAsync("north", "root", [], Ct, leaf: false);
        await world.Tree.AddAsync("c1", "north", [], Ct);
        await world.PutAsync("c1", "stays", "1");
        await world.PutAsync("c1", "goes", "1");
        await world.MirroredAsync("goes-c1", "1");
        await world.Tree.StopAsync("north");
        await world.PutAsync("c1", "stays", "2");
        await world.Tree.Cluster("c1").DeleteAsync(Kinds.ConfigMaps, "default", "goes", Ct);
        await world.Tree.AddAsync("north", "root", [], Ct, leaf: false);
        await world.MirroredAsync("stays-c1", "2");
        await world.MirroredAsync("goes-c1", null);
    }

    [Fact]
    public async Task A_cluster_that_is_away_is_shown_as_it_was_and_marked_until_it_is_back()
    {
        await using var world = await World.StartAsync();
        await world.Tree.AddAsync("c1", "root", [], Ct);
        await world.PutAsync("c1", "m", "1");
        await world.MirroredAsync("m-c1", "1");
        Assert.Null(await world.StaleSinceAsync("m-c1"));
        await world.Tree.StopAsync("c1");
        await world.UntilAsync(async () => await world.StaleSinceAsync("m-c1") is not null);
        await world.MirroredAsync("m-c1", "1");
        await world.Tree.AddAsync("c1", "root", [], Ct);
        await world.UntilAsync(async () => await world.StaleSinceAsync("m-c1") is null);
    }

    [Fact]
    public async Task A_command_is_observed_when_the_reports_of_its_clusters_have_come_to_the_root()
    {
        await using var world = await World.StartAsync();
        await world.Tree.AddAsync("north", "root", [], Ct, leaf: false);
        await world.Tree.AddAsync("c1", "north", [], Ct);
        await world.Tree.AddAsync("c2", "root", [], Ct);
        await world.PutAsync("c1", "before", "1");
        await world.PutAsync("c2", "before", "1");
        await world.MirroredAsync("before-c1", "1");
        await world.MirroredAsync("before-c2", "1");
        await world.ObservedAsync("make", "c1,c2", "POST", "/api/v1/namespaces/default/configmaps", """{"apiVersion":"v1","kind":"ConfigMap","metadata":{"generateName":"m-"}}""", 2);
        await world.ObservedAsync("change", "c1,c2", "PATCH", "/api/v1/namespaces/default/configmaps/before", """{"data":{"v":"2"}}""", 2);
        await world.MirroredAsync("before-c1", "2");
        await world.ObservedAsync("remove", "c1", "DELETE", "/api/v1/namespaces/default/configmaps/before", "", 1);
        await world.MirroredAsync("before-c1", null);
        await world.MirroredAsync("before-c2", "2");
    }

    [Fact]
    [Trait("Defect", "S3")]
    public async Task A_child_that_reports_in_anothers_name_changes_nothing()
    {
        await using var world = await World.StartAsync();
        await world.Tree.AddAsync("c1", "root", [], Ct);
        await world.PutAsync("c1", "m", "1");
        await world.MirroredAsync("m-c1", "1");
        await using (var evil = await EvilChild.AttachAsync(world.Tree, Ct))
        {
            for (ulong session = 0; session < 8; session++)
            {
                await evil.SayAsync(new Message
                {
                    Lane = Lane.Reports,
                    ReportPart = new ReportPart { Cluster = "c1", Follower = "root", Session = session + 1, Report = new Report { Kind = "configmaps", Epoch = 1, From = 0, To = 1, Complete = true } },
                }, Ct);
            }
        }

        await world.PutAsync("c1", "later", "1");
        await world.MirroredAsync("later-c1", "1"); // by then the others would have been taken
        await world.MirroredAsync("m-c1", "1");
    }

    private sealed class World : IAsyncDisposable
    {
        private readonly CancellationTokenSource _stop = new();
        private readonly Signal _changed = new();
        private Task _following = Task.CompletedTask;

        public SmallTree Tree { get; } = new() { Reports = true };

        public MirrorStore Mirror { get; } = MirrorStore.Open(new MirrorOptions { Streams = ["configmaps"] }, TimeProvider.System, NullLogger.Instance);

        public static async Task<World> StartAsync()
        {
            var world = new World();
            world.Mirror.Changes.Listen(_ => world._changed.Set());
            world.Mirror.TellingChanged += world._changed.Set;
            world.Tree.Mirror = world.Mirror;
            await world.Tree.StartRootAsync(Ct);
            world._following = new TreeFollower(world.Mirror, world.Tree["root"].FollowReportsAsync, TimeProvider.System, static () => 0.5, NullLogger.Instance).RunAsync(world._stop.Token);
            return world;
        }

        public async Task PutAsync(string cluster, string name, string value)
        {
            var api = Tree.Cluster(cluster);
            var obj = new JsonObject
            {
                ["apiVersion"] = "v1", ["kind"] = "ConfigMap", ["metadata"] = new JsonObject { ["name"] = name, ["namespace"] = "default" }, ["data"] = new JsonObject { ["v"] = value },
            };
            if (await api.GetAsync(Kinds.ConfigMaps, "default", name, Ct) is null)
            {
                await api.CreateAsync(Kinds.ConfigMaps, "default", obj, Ct);
            }
            else
            {
                await api.ReplaceAsync(Kinds.ConfigMaps, obj, Ct);
            }
        }

        public Task MirroredAsync(string shown, string? value) => UntilAsync(async () => (await FindAsync(shown))?.Text("data", "v") == value);

        /// <summary>Sends a command and waits until it was observed at so many clusters, and says so.</summary>
        public async Task ObservedAsync(string name, string clusters, string method, string url, string body, long count)
        {
            await Tree.Root.CreateAsync(Kinds.ClusterControllers, "default", new JsonObject
            {
                ["apiVersion"] = "ote.baidu.com/v1", ["kind"] = "ClusterController", ["metadata"] = new JsonObject { ["name"] = name, ["namespace"] = "default" },
                ["spec"] = new JsonObject { ["clusterSelector"] = clusters, ["method"] = method, ["url"] = url, ["body"] = body, ["contentType"] = method == "PATCH" ? "application/merge-patch+json" : "application/json" },
            }, Ct);
            await SmallTree.UntilAsync(Tree.Root, Kinds.ClusterControllers, "default", name, c => c.Whole("status", "targetCounts", "observed") == count && c.IsTrue("Observed"), Ct);
        }

        public async Task<string?> StaleSinceAsync(string shown) => (await FindAsync(shown))?.Annotation("ote.baidu.com/stale-since");

        /// <summary>Looks again at each change of the mirror.</summary>
        public async Task UntilAsync(Func<Task<bool>> condition)
        {
            using var patience = CancellationTokenSource.CreateLinkedTokenSource(Ct);
            patience.CancelAfter(TimeSpan.FromSeconds(60));
            while (!await condition())
            {
                await _changed.WaitAsync(patience.Token);
            }
        }

        public async ValueTask DisposeAsync()
        {
            await _stop.CancelAsync();
            await _following.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await Tree.DisposeAsync();
            await Mirror.DisposeAsync();
        }

        private async Task<JsonObject?> FindAsync(string shown) =>
            await Mirror.FindAsync(new StoreKey(ConfigMaps, "default", shown), Ct) is { } stored ? (JsonObject)JsonNode.Parse(stored.Json)! : null;
    }
}
