using System.Text.Json.Nodes;
using Microsoft.Extensions.Time.Testing;
using Ote.Controllers.EdgeNodes;
using Ote.Kube.Client;
using Ote.Kube.Objects;

namespace Ote.Tests.Controllers.EdgeNodes;

/// <summary>A witness between whom and a node there is a firewall: that it misses the node is no sign of a death.</summary>
public sealed class BlindWitnessTests : IAsyncLifetime
{
    private static readonly WitnessVote s_misses = new("w", false);
    private static readonly WitnessVote s_sees = new("w", true);
    private readonly FakeTimeProvider _clock = new();
    private EdgeNodeWorld _world = null!;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _world = await EdgeNodeWorld.StartAsync();

    public ValueTask DisposeAsync() => _world.DisposeAsync();

    [Fact]
    public async Task A_node_that_its_site_never_reached_is_not_dead_when_it_is_cut_off_and_that_is_said_before()
    {
        await _world.AddNodeAsync("cut");
        await _world.AddNodeAsync("walled", """{"cut":false}""");
        var replica = await _world.StartReplicaAsync();
        replica.Lead();
        await EdgeNodeWorld.UntilAsync(async () =>
        {
            await RenewAsync("cut", "walled");
            var status = await _world.StatusAsync("cut");
            return status.Text("phase") == "Ready" && status.Text("message")!.Contains("walled of its site does not reach it though its kubelet is heard", StringComparison.Ordinal);
        });

        // Whoever leads when it is cut off knows.
        await replica.DisposeAsync();
        (await _world.StartReplicaAsync()).Lead();
        await EdgeNodeWorld.UntilAsync(async () =>
        {
            await RenewAsync("walled");
            var status = await _world.StatusAsync("cut");
            Assert.NotEqual("Lost", status.Text("phase"));
            return status.Text("phase") == "Autonomous" && status.Text("reason") == "Unwitnessed";
        });

        // Once it was reached a witness is one.
        await SayAsync("""{"cut":true}""");
        await EdgeNodeWorld.UntilAsync(async () =>
        {
            await RenewAsync("walled");
            return (await _world.StatusAsync("cut")).Text("reason") == "SeenAtItsSite";
        });
        await SayAsync("""{"cut":false}""");
        await EdgeNodeWorld.UntilAsync(async () =>
        {
            await RenewAsync("walled");
            return (await _world.StatusAsync("cut")).Text("phase") == "Lost";
        });
    }

    [Fact]
    public void Only_a_word_of_the_kubelet_that_came_well_after_the_miss_shows_that_the_witness_is_blind()
    {
        var blind = new BlindWitnesses(_clock);
        Assert.Empty(blind.Of("n", [s_misses], Heard(0), []));
        _clock.Advance(BlindWitnesses.Margin - TimeSpan.FromTicks(1));
        Assert.Empty(blind.Of("n", [s_misses], Heard(0), []));
        _clock.Advance(TimeSpan.FromSeconds(5));
        Assert.Empty(blind.Of("n", [s_misses], Heard(6), [])); // its last word before its death, say
        Assert.Equal(["w"], blind.Of("n", [s_misses], Heard(1), []));
    }

    [Fact]
    public void A_witness_that_reached_it_in_between_missed_it_from_then_on()
    {
        var blind = new BlindWitnesses(_clock);
        blind.Of("n", [s_misses], Heard(0), []);
        _clock.Advance(TimeSpan.FromMinutes(1));
        Assert.Empty(blind.Of("n", [s_sees], Heard(0), ["w"]));
        Assert.Empty(blind.Of("n", [s_misses], Heard(0), []));
    }

    [Fact]
    public void A_lease_that_is_renewed_in_its_place_and_one_that_was_not_seen_to_be_renewed_are_not_the_kubelets_word()
    {
        var blind = new BlindWitnesses(_clock);
        blind.Of("n", [s_misses], Heard(0), []);
        _clock.Advance(TimeSpan.FromMinutes(1));
        Assert.Empty(blind.Of("n", [s_misses], Heard(0) with { IsKept = true }, []));
        Assert.Empty(blind.Of("n", [s_misses], Heard(0) with { IsHeard = false }, []));
    }

    [Fact]
    public void One_that_says_nothing_for_a_while_is_as_blind_as_before() => Assert.Equal(["w"], new BlindWitnesses(_clock).Of("n", [], Heard(0), ["w"]));

    private static Hearing Heard(int secondsAgo) => new(TimeSpan.FromSeconds(secondsAgo), TimeSpan.FromSeconds(secondsAgo), true, false);

    private async Task RenewAsync(params string[] nodes)
    {
        _world.Time.Advance(TimeSpan.FromSeconds(5));
        foreach (var node in nodes)
        {
            await _world.RenewAsync(node);
        }
    }

    private Task<JsonObject> SayAsync(string votes) => _world.Client.PatchAsync(Kinds.Nodes, null, "walled", PatchKind.Merge, new JsonObject { ["metadata"] = new JsonObject { ["annotations"] = new JsonObject { ["ote.baidu.com/witness"] = votes } } }, Token);
}
