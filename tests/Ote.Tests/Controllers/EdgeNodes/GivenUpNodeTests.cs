using System.Text.Json.Nodes;
using Ote.Controllers.EdgeNodes;
using Ote.Kube.Client;
using Ote.Kube.Objects;

namespace Ote.Tests.Controllers.EdgeNodes;

/// <summary>Kubernetes has given a node up before the controller looks: what it wrote over the kubelet's word is put back where the node lives.</summary>
public sealed class GivenUpNodeTests : IAsyncLifetime
{
    private EdgeNodeWorld _world = null!;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _world = await EdgeNodeWorld.StartAsync();

    public ValueTask DisposeAsync() => _world.DisposeAsync();

    [Fact]
    public async Task A_node_that_a_witness_reaches_is_as_its_kubelet_said_last_and_its_pods_are_ready_again()
    {
        await _world.AddNodeAsync("cut");
        await _world.AddNodeAsync("sees", """{"cut":true}""");
        var first = await _world.StartReplicaAsync();
        first.Lead();
        await _world.PhaseAsync("cut", "Ready"); // what its kubelet says is known from now on
        await first.DisposeAsync();
        await AddPodAsync("taken", "", "True");
        await AddPodAsync("failing", "ContainersNotReady", "False");
        _world.Time.Advance(TimeSpan.FromSeconds(60));
        await _world.RenewAsync("sees");
        await _world.GiveUpAsync("cut");

        (await _world.StartReplicaAsync()).Lead();
        await _world.PhaseAsync("cut", "Autonomous");
        Assert.Equal($"True {NodeConditions.Reason}", await _world.ConditionAsync("cut", "Ready"));
        Assert.Equal("False KubeletHasSufficientMemory", await _world.ConditionAsync("cut", "MemoryPressure"));
        Assert.True(KeptLease.IsKept(await _world.LeaseAsync("cut")));
        Assert.Equal("True", await ReadyAsync("taken"));
        Assert.Equal("False", await ReadyAsync("failing"));

        // What was put back is not taken for the kubelet's word.
        Assert.Equal("KubeletReady", (await _world.StatusAsync("cut")).Items("kubeletSaid")!.Single(one => one.Text("type") == "Ready").Text("reason"));
    }

    [Fact]
    public async Task A_node_of_which_nobody_can_say_anything_stays_given_up()
    {
        await _world.AddNodeAsync("dead", renewedAgo: 3000);
        await _world.GiveUpAsync("dead");
        (await _world.StartReplicaAsync()).Lead();
        await _world.PhaseAsync("dead", "Unknown");
        _world.Time.Advance(TimeSpan.FromSeconds(25));
        await _world.PhaseAsync("dead", "Lost");
        Assert.Equal("Unknown NodeStatusUnknown", await _world.ConditionAsync("dead", "Ready"));
        Assert.False(KeptLease.IsKept(await _world.LeaseAsync("dead")));
    }

    [Fact]
    public async Task One_that_was_kept_before_is_put_back_without_a_witness()
    {
        await _world.AddNodeAsync("alone");
        var first = await _world.StartReplicaAsync();
        first.Lead();
        _world.Time.Advance(TimeSpan.FromSeconds(30));
        await _world.PhaseAsync("alone", "Autonomous");
        await first.DisposeAsync();
        _world.Time.Advance(TimeSpan.FromSeconds(60));
        await _world.GiveUpAsync("alone");
        (await _world.StartReplicaAsync()).Lead();
        await EdgeNodeWorld.UntilAsync(async () => await _world.ConditionAsync("alone", "Ready") == $"True {NodeConditions.Reason}");
    }

    [Fact]
    [Trait("Defect", "N4")]
    public void Of_a_node_whose_kubelets_word_is_not_known_it_is_said_so_and_of_pressures_nothing()
    {
        var node = EdgeNodeWorld.Parse("""{"metadata":{"name":"n"},"status":{"conditions":[{"type":"Ready","status":"Unknown","reason":"NodeStatusUnknown"},{"type":"DiskPressure","status":"Unknown"},{"type":"NetworkUnavailable","status":"False"}]}}""");
        var restored = NodeConditions.Restored(node, null, DateTimeOffset.UnixEpoch)!;
        Assert.Equal("True", restored.Condition("Ready").Text("status"));
        Assert.Contains("not known", restored.Condition("Ready").Text("message"), StringComparison.Ordinal);
        Assert.Equal("Unknown", restored.Condition("DiskPressure").Text("status"));
        Assert.Null(NodeConditions.Restored(restored, null, DateTimeOffset.UnixEpoch));
        Assert.Null(NodeConditions.Said(restored));
    }

    [Fact]
    [Trait("Defect", "N3")]
    public void A_kubelet_that_was_not_ready_is_not_made_ready_and_one_that_never_spoke_is_left()
    {
        var node = EdgeNodeWorld.Parse("""{"metadata":{"name":"n"},"status":{"conditions":[{"type":"Ready","status":"Unknown","reason":"NodeStatusUnknown"}]}}""");
        var said = JsonNode.Parse("""[{"type":"Ready","status":"False","reason":"KubeletNotReady","message":"no network"}]""")!.AsArray();
        Assert.Equal("False", NodeConditions.Restored(node, said, DateTimeOffset.UnixEpoch)!.Condition("Ready").Text("status"));
        node.Condition("Ready")!["reason"] = "NodeStatusNeverUpdated";
        Assert.Null(NodeConditions.Restored(node, said, DateTimeOffset.UnixEpoch));
    }

    private async Task AddPodAsync(string name, string reason, string containers)
    {
        await _world.Client.CreateAsync(Kinds.Pods, "default", EdgeNodeWorld.Parse($$$"""{"apiVersion":"v1","kind":"Pod","metadata":{"name":"{{{name}}}"},"spec":{"nodeName":"cut","containers":[{"name":"c","image":"i"}]}}"""), Token);
        await _world.Client.PatchAsync(Kinds.Pods, "default", name, PatchKind.Merge, EdgeNodeWorld.Parse(
            $$$"""{"status":{"phase":"Running","conditions":[{"type":"Ready","status":"False","reason":"{{{reason}}}"},{"type":"ContainersReady","status":"{{{containers}}}"}]}}"""), Token, "status");
    }

    private async Task<string?> ReadyAsync(string pod) => (await _world.Client.GetAsync(Kinds.Pods, "default", pod, Token))!.Condition("Ready").Text("status");
}
