using Ote.Controllers.EdgeNodes;
using Ote.Kube.Objects;

namespace Ote.Tests.Controllers.EdgeNodes;

/// <summary>A node is cut off while no controller leads, or just before another does. Kubernetes gives it up after 40 s, whoever leads.</summary>
public sealed class LeaderChangeTests : IAsyncLifetime
{
    private EdgeNodeWorld _world = null!;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _world = await EdgeNodeWorld.StartAsync();

    public ValueTask DisposeAsync() => _world.DisposeAsync();

    [Fact]
    [Trait("Defect", "N6")]
    public async Task A_replica_that_did_not_lead_has_watched_and_keeps_the_node_with_its_first_look_whatever_clocks_say()
    {
        await _world.AddNodeAsync("cut");
        await _world.AddNodeAsync("sees", """{"cut":true}""");
        var (first, second) = (await _world.StartReplicaAsync(), await _world.StartReplicaAsync());
        first.Lead();
        await _world.PhaseAsync("cut", "Ready");
        await _world.RenewAsync("cut", ahead: 3600);
        await _world.RenewAsync("sees", ahead: -3600);
        await EdgeNodeWorld.UntilAsync(() => Task.FromResult(second.Controller.Sees.Heard("cut").IsHeard && second.Controller.Sees.Heard("sees").IsHeard));
        await first.LeaveAsync();

        // Cut at once. The lease of leading lasts 15 s, and a candidate looks every 2 s.
        _world.Time.Advance(TimeSpan.FromSeconds(10));
        await _world.RenewAsync("sees", ahead: -3600);
        await EdgeNodeWorld.UntilAsync(() => Task.FromResult(second.Controller.Sees.Heard("sees").Since == TimeSpan.Zero));
        _world.Time.Advance(TimeSpan.FromSeconds(15));
        second.Lead();
        await _world.PhaseAsync("cut", "Autonomous");
        Assert.True(KeptLease.IsKept(await _world.LeaseAsync("cut")));
        Assert.Equal(("2026-11-27T12:00:00Z", "2026-11-28T12:00:00Z"), await TimesAsync("cut"));
    }

    [Fact]
    public async Task One_that_is_started_during_a_cut_keeps_the_node_with_its_first_look()
    {
        await _world.AddNodeAsync("cut", renewedAgo: 25);
        await _world.AddNodeAsync("sees", """{"cut":true}""");
        (await _world.StartReplicaAsync()).Lead();
        await _world.PhaseAsync("cut", "Autonomous");
        Assert.True(KeptLease.IsKept(await _world.LeaseAsync("cut")));
        Assert.Equal(("2026-11-27T11:59:35Z", "2026-11-28T11:59:35Z"), await TimesAsync("cut")); // since the kubelet renewed it, not since this one looks
    }

    [Fact]
    public async Task A_kept_nodes_time_goes_on_with_the_next_that_leads_and_with_one_that_begins_anew()
    {
        await _world.AddNodeAsync("cut", annotations: "\"ote.baidu.com/autonomy-duration\":\"2m\",");
        var (first, second) = (await _world.StartReplicaAsync(), await _world.StartReplicaAsync());
        first.Lead();
        _world.Time.Advance(TimeSpan.FromSeconds(30));
        await _world.PhaseAsync("cut", "Autonomous");
        await first.LeaveAsync();
        _world.Time.Advance(TimeSpan.FromSeconds(20));
        second.Lead();
        await RenewedAsync();
        Assert.Equal(("2026-11-27T12:00:00Z", "2026-11-27T12:02:00Z"), await TimesAsync("cut"));
        await second.LeaveAsync();
        _world.Time.Advance(TimeSpan.FromSeconds(20));
        var third = await _world.StartReplicaAsync();
        third.Lead();
        await RenewedAsync();
        Assert.Equal(("2026-11-27T12:00:00Z", "2026-11-27T12:02:00Z"), await TimesAsync("cut"));
        _world.Time.Advance(TimeSpan.FromSeconds(55));
        await EdgeNodeWorld.UntilAsync(async () => (await _world.StatusAsync("cut")).Text("reason") == "TooLong");

        async Task RenewedAsync()
        {
            await EdgeNodeWorld.UntilAsync(async () => (await _world.LeaseAsync("cut")).Time("spec", "renewTime") == _world.Time.GetUtcNow());
            await EdgeNodeWorld.UntilAsync(async () => (await _world.StatusAsync("cut")).Text("phase") == "Autonomous");
        }
    }

    [Fact]
    public async Task A_lease_that_was_renewed_long_after_the_phase_changed_last_tells_when_the_node_was_heard()
    {
        await _world.AddNodeAsync("cut");
        var first = await _world.StartReplicaAsync();
        first.Lead();
        await _world.PhaseAsync("cut", "Ready");
        await _world.RenewAsync("cut", ahead: 1);
        await EdgeNodeWorld.UntilAsync(() => Task.FromResult(first.Controller.Sees.Heard("cut").IsHeard)); // for hours from now nothing is written, since nothing changes
        await first.DisposeAsync();
        _world.Time.Advance(TimeSpan.FromHours(3));
        await _world.RenewAsync("cut");
        var heard = _world.Time.GetUtcNow();
        _world.Time.Advance(TimeSpan.FromSeconds(30));
        (await _world.StartReplicaAsync()).Lead();
        await _world.PhaseAsync("cut", "Autonomous");
        Assert.Equal((heard.ToKubeTime(), heard.AddDays(1).ToKubeTime()), await TimesAsync("cut"));
    }

    [Fact]
    public async Task What_another_told_meanwhile_is_not_left_standing()
    {
        await _world.AddNodeAsync("node");
        var (first, second) = (await _world.StartReplicaAsync(), await _world.StartReplicaAsync());
        first.Lead();
        await _world.PhaseAsync("node", "Ready");
        await first.LeaveAsync();
        _world.Time.Advance(TimeSpan.FromSeconds(30));
        second.Lead();
        await _world.PhaseAsync("node", "Autonomous");
        await second.LeaveAsync();
        await _world.RenewAsync("node", ahead: 1);
        await EdgeNodeWorld.UntilAsync(() => Task.FromResult(first.Controller.Sees.Heard("node").IsHeard));
        first.Lead();
        await _world.PhaseAsync("node", "Ready");
    }

    private async Task<(string? Heard, string? Until)> TimesAsync(string node)
    {
        var status = await _world.StatusAsync(node);
        return (status.Text("lastHeard"), status.Text("keptUntil"));
    }
}
