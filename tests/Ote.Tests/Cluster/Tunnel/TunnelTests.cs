using System.Globalization;
using Ote.Cluster.Identity;
using Ote.Cluster.Tunnel;
using Ote.Protocol.Tunnel;
using Ote.Testing.Links;

namespace Ote.Tests.Cluster.Tunnel;

public sealed class TunnelTests
{
    [Fact]
    public async Task Child_that_is_let_in_as_the_tunnel_ends_is_let_go_without_a_fault()
    {
        await using MemoryTree tree = new();
        CloudTunnel ended = new(tree.Runtime, new TunnelOptions(), "root", "test", tree.Admission, tree.Root);
        await ended.DisposeAsync();
        MemoryLink link = new(tree.Time, () => 0.5);

        await ended.ServeAsync(link.Parent, new PeerIdentity("c1", "uid-c1"), null).Soon();

        Assert.Equal(0, ended.LinkCount);
    }

    [Fact]
    [Trait("Defect", "P12")]
    public async Task Parent_away_at_the_start_is_found_when_it_comes()
    {
        await using MemoryTree tree = new() { IsRootThere = false };
        MemoryChild child = tree.Run(tree.Child("c1"));
        Task<(ILink, Hello?, Welcome?)> attached = tree.Root.NextAttached();
        for (int i = 0; i < 20; i++) tree.Time.Advance(TimeSpan.FromSeconds(1));
        Assert.False(attached.IsCompleted);
        Assert.Equal(EdgeTunnelPhase.Connecting, child.Tunnel.Status.Phase);
        tree.IsRootThere = true;
        await tree.While(attached);
    }

    [Fact]
    [Trait("Defect", "M1")]
    [Trait("Defect", "M2")]
    public async Task Accepted_messages_survive_a_cut_and_arrive_once()
    {
        await using MemoryTree tree = new();
        MemoryChild child = tree.Run(tree.Child("c1"));
        ILink first = (await child.Handler.NextAttached()).Link;
        child.Dialer.Latest!.Up.Silent = true; // accepted and sent, but never arrives
        for (int i = 0; i < 5; i++) Assert.True(first.TrySend(TestMessages.Text(i.ToString(CultureInfo.InvariantCulture))));
        Task durable = first.SendDurableAsync(TestMessages.Text("durable"), TestContext.Current.CancellationToken);
        child.Dialer.Latest.Cut();
        await child.Handler.NextDetached();
        Assert.False(first.TrySend(TestMessages.Text("late"))); // M2: a lost link takes nothing
        await Assert.ThrowsAsync<LinkClosedException>(async () => await first.SendAsync(TestMessages.Text("late"), TestContext.Current.CancellationToken));

        await tree.While(child.Handler.NextAttached());
        for (int i = 0; i < 5; i++) Assert.Equal(i.ToString(CultureInfo.InvariantCulture), TestMessages.TextOf((await tree.Root.NextMessage()).Message));
        Assert.Equal("durable", TestMessages.TextOf((await tree.Root.NextMessage()).Message));
        await tree.While(Finish(durable));
    }

    [Fact]
    [Trait("Defect", "T1")]
    public async Task Half_open_link_is_found_within_ten_seconds_at_both_ends_and_replaced()
    {
        await using MemoryTree tree = new();
        MemoryChild child = tree.Run(tree.Child("c1", digest: () => 1));
        await child.Handler.NextAttached();
        await tree.Root.NextAttached();
        tree.Time.Advance(TimeSpan.FromSeconds(5));
        await tree.Root.NextBeat(); // alive so far
        MemoryLink dead = child.Dialer.Latest!;
        dead.GoSilent();
        tree.IsRootThere = false; // so that no newer link replaces it first
        DateTimeOffset silent = tree.Time.GetUtcNow();
        Task<(ILink Link, string Reason)> atRoot = tree.Root.NextDetached(), atChild = child.Handler.NextDetached();
        await tree.While(Task.WhenAll(atRoot, atChild), 0.25);
        Assert.InRange((tree.Time.GetUtcNow() - silent).TotalSeconds, 4, 10.5);
        Assert.Contains("sign of life", (await atRoot).Reason, StringComparison.Ordinal);
        tree.IsRootThere = true;
        await tree.While(child.Handler.NextAttached());
        await tree.While(tree.Root.NextAttached()); // the child hears of it first
        Assert.True(tree.Cloud.Find("uid-c1")!.IsUp);
    }

    [Theory]
    [InlineData(true, true)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public async Task Both_ends_know_of_a_link_that_ends_because_somebody_wished_it(bool planned, bool atParent)
    {
        await using MemoryTree tree = new();
        MemoryChild child = tree.Run(tree.Child("c1"));
        ILink below = (await child.Handler.NextAttached()).Link;
        ILink above = (await tree.Root.NextAttached()).Link;
        Task<(ILink Link, string Reason)> atRoot = tree.Root.NextDetached(), atChild = child.Handler.NextDetached();
        (atParent ? above : below).Close("drained", planned);
        await tree.While(Task.WhenAll(atRoot, atChild));
        Assert.Equal((planned, planned), (above.IsPlanned, below.IsPlanned));
        Assert.Contains("drained", (await (atParent ? atChild : atRoot)).Reason, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Defect", "T7")]
    public async Task Newer_epoch_replaces_a_link_that_still_looks_alive_and_its_late_end_changes_nothing()
    {
        await using MemoryTree tree = new();
        MemoryChild old = tree.Run(tree.Child("c1", EpochCounter.InMemory(10)));
        ILink oldLink = (await tree.Root.NextAttached()).Link;
        MemoryLink oldWire = old.Dialer.Latest!;
        oldWire.GoSilent(); // a dead socket lingers
        MemoryChild young = tree.Run(tree.Child("c1", EpochCounter.InMemory(20)));
        ILink newLink = (await tree.Root.NextAttached()).Link;
        Assert.Equal(["+c1@11", "-c1@11", "+c1@21"], tree.Root.Events.Take(3));
        Assert.False(oldLink.IsUp);

        oldWire.Cut(); // T7: the old socket's end comes late
        await old.Handler.NextDetached();
        Assert.Same(newLink, tree.Cloud.Find("uid-c1"));
        Assert.True(newLink.TrySend(TestMessages.Text("still here")));
        Assert.Equal("still here", TestMessages.TextOf((await young.Handler.NextMessage()).Message));
        Assert.Equal(1, tree.Cloud.LinkCount);
    }

    [Fact]
    public async Task Older_epoch_is_refused_and_told_the_newest()
    {
        await using MemoryTree tree = new();
        tree.Run(tree.Child("c1", EpochCounter.InMemory(100)));
        await tree.Root.NextAttached();
        MemoryChild restored = tree.Child("c1", EpochCounter.InMemory(3));
        Task<Refuse> refused = FirstRefusal(restored.Tunnel);
        tree.Run(restored);
        Refuse refusal = await refused.Soon();
        Assert.Equal(Refuse.Types.Reason.OldEpoch, refusal.Reason);
        Assert.Equal(101u, refusal.KnownEpoch);
        await tree.While(restored.Handler.NextAttached()); // goes on from there
    }

    [Fact]
    public async Task Refused_for_good_says_so_and_tries_again_slowly()
    {
        await using MemoryTree tree = new();
        tree.Admission.Rule = (_, _) => Admission.Refuse(Refuse.Types.Reason.Revoked, "revoked by an operator", never: true);
        MemoryChild child = tree.Child("c1");
        Task<Refuse> refused = FirstRefusal(child.Tunnel);
        tree.Run(child);
        await refused.Soon();
        Assert.Equal(EdgeTunnelPhase.RefusedForGood, child.Tunnel.Status.Phase);
        Assert.Equal("revoked by an operator", child.Tunnel.Status.Text);
        Assert.Equal(0, tree.Cloud.LinkCount);
        Assert.Empty(tree.Root.Events);
        for (int i = 0; i < 60; i++) tree.Time.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal(1, child.Dialer.Dialled);
        tree.Admission.Rule = null;
        await tree.While(child.Handler.NextAttached(), 2);
    }

    [Fact]
    public async Task Handler_that_throws_loses_the_link_and_gets_the_message_again()
    {
        await using MemoryTree tree = new();
        int calls = 0;
        tree.Root.OnMessage = _ => ++calls == 1 ? throw new InvalidOperationException("disk full") : ValueTask.CompletedTask;
        MemoryChild child = tree.Run(tree.Child("c1"));
        ILink link = (await child.Handler.NextAttached()).Link;
        Task durable = link.SendDurableAsync(TestMessages.Text("once more"), TestContext.Current.CancellationToken);
        await tree.While(Finish(durable));
        Assert.Equal(2, calls);
    }

    [Fact]
    public async Task Acknowledgement_waits_until_the_handler_is_done()
    {
        await using MemoryTree tree = new();
        TaskCompletionSource disk = new();
        tree.Root.OnMessage = _ => new ValueTask(disk.Task);
        MemoryChild child = tree.Run(tree.Child("c1"));
        ILink link = (await child.Handler.NextAttached()).Link;
        Task durable = link.SendDurableAsync(TestMessages.Text("x"), TestContext.Current.CancellationToken);
        await tree.Root.NextMessage();
        tree.Time.Advance(TimeSpan.FromSeconds(1));
        Assert.False(durable.IsCompleted);
        disk.SetResult();
        await tree.While(Finish(durable));
    }

    [Fact]
    public async Task Goodbye_acknowledges_what_would_have_waited_for_a_heartbeat()
    {
        await using MemoryTree tree = new();
        MemoryChild child = tree.Run(tree.Child("c1"));
        ILink link = (await child.Handler.NextAttached()).Link;
        Task durable = link.SendDurableAsync(TestMessages.Text("x"), TestContext.Current.CancellationToken);
        await tree.Root.NextMessage();
        Assert.True(link.TrySend(TestMessages.Text("behind it")));
        await tree.Root.NextMessage(); // so the handling of the first has ended
        Assert.False(durable.IsCompleted);
        Assert.True(tree.Cloud.Disconnect("uid-c1", "no more"));
        await durable.Soon();
    }

    [Fact]
    public async Task Digest_of_the_child_reaches_the_parents_handler()
    {
        await using MemoryTree tree = new();
        MemoryChild child = tree.Run(tree.Child("c1", digest: () => 0xABCDEF));
        await child.Handler.NextAttached();
        Assert.Equal(0xABCDEFu, await tree.While(tree.Root.NextBeat()));
    }

    [Fact]
    public async Task Two_thousand_links_share_one_process_and_one_multicast_reaches_all()
    {
        const int count = 2000;
        await using MemoryTree tree = new();
        Counter counter = new(count);
        for (int i = 0; i < count; i++)
        {
            Recorder recorder = new() { OnMessage = _ => counter.Add() };
            tree.Run(tree.Child("c" + i.ToString(CultureInfo.InvariantCulture), handler: recorder));
        }

        for (int i = 0; i < count; i++) await tree.Root.NextAttached();
        SharedMessage shared = tree.Cloud.Share(TestMessages.Text("to all"));
        foreach (ILink link in tree.Cloud.Links()) Assert.True(link.TrySend(shared));
        await counter.Reached.Soon();
    }

    [Fact]
    [Trait("Defect", "M4")]
    public async Task Links_that_lose_reorder_and_repeat_packets_still_deliver_all_in_order()
    {
        await using MemoryTree tree = new(new TunnelOptions { Heartbeat = TimeSpan.FromMilliseconds(200), Lease = TimeSpan.FromMilliseconds(500), HandshakeTimeout = TimeSpan.FromSeconds(1) });
        MemoryChild child = tree.Child("c1");
        child.Dialer.Prepare = link => link.Up.Drop = link.Up.Reorder = link.Up.Duplicate = link.Down.Drop = 0.03;
        tree.Run(child);
        using CancellationTokenSource enough = new();
        Task sending = Task.Run(async () =>
        {
            for (int i = 0; !enough.IsCancellationRequested;)
            {
                if (child.Tunnel.Link is { } link && link.TrySend(TestMessages.Text(i.ToString(CultureInfo.InvariantCulture)))) i++;
                await Task.Yield();
            }
        }, TestContext.Current.CancellationToken);

        // How many packets they are is up to the scheduler: it goes on until a fault has hit one.
        for (int i = 0; i < 300 || child.Dialer.Dialled == 1; i++)
        {
            Message message = (await tree.While(tree.Root.NextMessage())).Message;
            Assert.Equal(i.ToString(CultureInfo.InvariantCulture), TestMessages.TextOf(message));
        }

        await enough.CancelAsync();
        await sending;
    }

    private static async Task<bool> Finish(Task task)
    {
        await task;
        return true;
    }

    private static Task<Refuse> FirstRefusal(EdgeTunnel tunnel)
    {
        TaskCompletionSource<Refuse> first = new(TaskCreationOptions.RunContinuationsAsynchronously);
        tunnel.StatusChanged += status =>
        {
            if (status.Refusal is { } refusal) first.TrySetResult(refusal);
        };
        return first.Task;
    }

    private sealed class Counter(int target)
    {
        private readonly TaskCompletionSource reached = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private int count;

        public Task Reached => reached.Task;

        public ValueTask Add()
        {
            if (Interlocked.Increment(ref count) == target) reached.TrySetResult();
            return ValueTask.CompletedTask;
        }
    }
}
