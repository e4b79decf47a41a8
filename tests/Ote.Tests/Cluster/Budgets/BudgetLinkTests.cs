using Ote.Cluster.Budgets;
using Ote.Cluster.Tunnel;
using Ote.Protocol.Tunnel;
using Ote.Tests.Cluster.Tunnel;

namespace Ote.Tests.Cluster.Budgets;

/// <summary>Links with a budget, in virtual time.</summary>
public sealed class BudgetLinkTests
{
    private const int Kilobyte = 1000;
    private static readonly CancellationToken Ct = CancellationToken.None;

    // What a message weighs must be what it has.
    private static readonly TunnelOptions Plain = new() { Compress = false };

    [Fact]
    public async Task A_rate_spreads_messages_over_time_and_loses_none()
    {
        await using var tree = new MemoryTree(Plain);
        var child = tree.Run(tree.Child("c1", budget: () => new LinkBudget { BytesPerSecond = 10 * Kilobyte }));
        var (link, _, _) = await child.Handler.NextAttached();
        await tree.Root.NextAttached();
        var began = tree.Time.GetUtcNow();
        for (var i = 0; i < 60; i++)
        {
            Assert.True(link.TrySend(TestMessages.Text(new string('x', Kilobyte), Lane.Work)));
        }

        for (var i = 0; i < 60; i++)
        {
            await tree.While(tree.Root.NextMessage());
        }

        // 60 kB at 10 kB a second, less the first second's and the last packet.
        Assert.InRange((tree.Time.GetUtcNow() - began).TotalSeconds, 3.5, 15);
        Assert.True(link.IsUp);
    }

    [Fact]
    public async Task Control_passes_a_used_up_rate_and_the_link_lives_on_while_other_lanes_wait()
    {
        await using var tree = new MemoryTree(Plain);
        var child = tree.Run(tree.Child("c1", budget: () => new LinkBudget { BytesPerSecond = 128 }));
        var (link, _, _) = await child.Handler.NextAttached();
        await tree.Root.NextAttached();
        Assert.True(link.TrySend(TestMessages.Text(new string('a', 14_000), Lane.Work)));
        await tree.While(tree.Root.NextMessage());
        Assert.True(link.TrySend(TestMessages.Text("waits", Lane.Commands)));
        var control = link.SendDurableAsync(TestMessages.Text("urgent", Lane.Control), Ct);
        await tree.While(Done(control));
        Assert.DoesNotContain("m:waits", tree.Root.Events);
        var begun = tree.Time.GetUtcNow();
        var next = Task.Run(async () =>
        {
            while (true)
            {
                var (_, message) = await tree.Root.NextMessage();
                if (TestMessages.TextOf(message) == "waits")
                {
                    return true;
                }
            }
        }, Ct);
        await tree.While(next, stepSeconds: 0.5);
        Assert.InRange((tree.Time.GetUtcNow() - begun).TotalSeconds, 60, 150);
        Assert.True(link.IsUp); // many leases have passed
    }

    [Fact]
    public async Task The_parent_holds_back_too_and_a_looser_budget_takes_effect_without_reconnecting()
    {
        await using var tree = new MemoryTree(Plain);
        tree.Time.SetUtcNow(new DateTimeOffset(2026, 3, 5, 23, 0, 0, TimeSpan.Zero));
        Assert.True(QuietHours.TryParse("22:00-06:00", out var hours, out _));
        var child = tree.Run(tree.Child("c1", budget: () => new LinkBudget { QuietHours = [hours] }));
        await child.Handler.NextAttached();
        var (down, hello, _) = await tree.Root.NextAttached();
        Assert.Single(hello!.Budget.QuietHours);
        Assert.True(down.TrySend(TestMessages.Text("work", Lane.Work)));
        await tree.While(Done(down.SendDurableAsync(TestMessages.Text("command", Lane.Commands), Ct)));
        Assert.Equal("m:command", child.Handler.Events.Last());
        down.Limit(null, 1);
        await child.Handler.NextMessage();
        Assert.Equal("work", TestMessages.TextOf((await child.Handler.NextMessage()).Message));
        Assert.Single(tree.Root.Events, e => e.StartsWith('+'));
    }

    [Fact]
    public async Task What_waited_for_quiet_hours_to_end_goes_when_they_end()
    {
        await using var tree = new MemoryTree(Plain);
        tree.Time.SetUtcNow(new DateTimeOffset(2026, 3, 5, 5, 58, 0, TimeSpan.Zero));
        Assert.True(QuietHours.TryParse("22:00-06:00", out var hours, out _));
        var child = tree.Run(tree.Child("c1", budget: () => new LinkBudget { QuietHours = [hours] }));
        var (link, _, _) = await child.Handler.NextAttached();
        await tree.Root.NextAttached();
        Assert.True(link.TrySend(TestMessages.Text("report", Lane.Reports)));
        await tree.While(tree.Root.NextMessage(), stepSeconds: 0.5);
        Assert.InRange(tree.Time.GetUtcNow().TimeOfDay.TotalHours, 6, 6.01);
    }

    [Fact]
    public async Task A_full_lane_that_waits_takes_no_more_and_the_sender_waits_for_room()
    {
        await using var tree = new MemoryTree(Plain);
        tree.Time.SetUtcNow(new DateTimeOffset(2026, 3, 5, 23, 0, 0, TimeSpan.Zero));
        Assert.True(QuietHours.TryParse("22:00-06:00", out var hours, out _));
        var child = tree.Run(tree.Child("c1", budget: () => new LinkBudget { QuietHours = [hours] }));
        var (link, _, _) = await child.Handler.NextAttached();
        await tree.Root.NextAttached();
        var queued = 0;
        while (link.TrySend(TestMessages.Text("w", Lane.Work)))
        {
            queued++;
        }

        Assert.Equal(new TunnelOptions().LaneMessages, queued);
        var waiting = link.SendAsync(TestMessages.Text("last", Lane.Work), Ct).AsTask();
        Assert.False(waiting.IsCompleted);
        child.Tunnel.Limit(null, 1);
        await tree.While(Done(waiting));
    }

    [Fact]
    public async Task A_spent_day_holds_reports_at_both_ends_and_the_count_goes_on_at_the_next_link()
    {
        await using var tree = new MemoryTree(Plain);
        tree.Time.SetUtcNow(new DateTimeOffset(2026, 3, 5, 12, 0, 0, TimeSpan.Zero));
        var child = tree.Run(tree.Child("c1", budget: () => new LinkBudget { DailyBytes = LinkBudget.LeastDailyBytes }));
        var (link, _, _) = await child.Handler.NextAttached();
        var (down, _, _) = await tree.Root.NextAttached();
        await tree.While(Done(link.SendDurableAsync(TestMessages.Text(new string('x', 1_100_000), Lane.Control), Ct)));
        Assert.True(link.Cost.IsSpent);
        Assert.True(down.Cost.IsSpent);
        Assert.InRange(down.Cost.BytesToday, 1_100_000, 1_150_000);
        Assert.True(down.TrySend(TestMessages.Text("work", Lane.Work)));
        link.Close("test");
        await tree.While(tree.Root.NextDetached());
        (down, var hello, _) = await tree.While(tree.Root.NextAttached());
        Assert.InRange(hello!.Today.Bytes, 1_100_000ul, 1_150_000ul);
        Assert.True(down.Cost.IsSpent);
        await tree.While(Done(down.SendDurableAsync(TestMessages.Text("command", Lane.Commands), Ct)));
        Assert.DoesNotContain("m:work", child.Handler.Events);
    }

    [Fact]
    public async Task A_cap_that_comes_later_counts_what_the_link_carried_before_though_it_was_under_another_parent()
    {
        await using var tree = new MemoryTree(Plain);
        tree.Time.SetUtcNow(new DateTimeOffset(2026, 3, 5, 12, 0, 0, TimeSpan.Zero));
        var child = tree.Child("c1");
        child.Tunnel.Resume(new DayCount(BudgetRule.Day(null, tree.Time.GetUtcNow()), 1_100_000, 0)); // under whom, the root knows nothing of
        tree.Run(child);
        await child.Handler.NextAttached();
        var (down, hello, _) = await tree.Root.NextAttached();
        Assert.Null(hello!.Budget);

        down.Limit(new LinkBudget { DailyBytes = LinkBudget.LeastDailyBytes }, 1);

        Assert.True(down.Cost.IsSpent);
    }

    [Fact]
    public async Task What_the_child_says_of_the_day_counts_at_the_parent_and_never_less_than_it_has_counted_itself()
    {
        await using var tree = new MemoryTree(Plain);
        tree.Time.SetUtcNow(new DateTimeOffset(2026, 3, 5, 12, 0, 0, TimeSpan.Zero));
        var child = tree.Run(tree.Child("c1"));
        var (link, _, _) = await child.Handler.NextAttached();
        var (down, _, _) = await tree.Root.NextAttached();
        var cap = new LinkBudget { DailyBytes = LinkBudget.LeastDailyBytes };
        var day = (uint)BudgetRule.Day(cap, tree.Time.GetUtcNow());

        down.Limit(cap, 1, new LinkDay { Day = day - 3, Bytes = 5_000_000 });
        Assert.False(down.Cost.IsSpent);
        down.Limit(cap, 2, new LinkDay { Day = day, Bytes = 1_100_000 });
        Assert.True(down.Cost.IsSpent);
        Assert.Equal(1_100_000, down.Cost.BytesToday);
        await tree.While(Done(link.SendDurableAsync(TestMessages.Text(new string('x', 50_000), Lane.Control), Ct)));
        down.Limit(cap, 3, new LinkDay { Day = day, Bytes = 1_100_000 });
        Assert.InRange(down.Cost.BytesToday, 1_150_000, 1_170_000);
    }

    [Fact]
    public void A_message_that_is_held_back_did_not_go_out_and_its_peer_does_not_miss_it()
    {
        var pair = new SessionPair();
        pair.Connect();
        pair.Child.Allowance = new Allowance(Allowance.BelowCommands, 0);
        pair.Child.Queue(Lane.Work, new string('w', 40_000));
        pair.Child.Queue(Lane.Reports, "held");
        pair.Child.Queue(Lane.Commands, "goes");
        for (var beat = 0; beat < 5; beat++)
        {
            pair.Now += 5000;
            Assert.True(pair.Child.Send());
            pair.Parent.Receive();
        }

        Assert.Equal(["goes"], pair.Parent.Texts(Lane.Commands));
        Assert.True(pair.Child.Session.Holds(pair.Child.Allowance));
        pair.Child.Allowance = default;
        pair.Settle();
        Assert.Equal(["held"], pair.Parent.Texts(Lane.Reports));
        Assert.Single(pair.Parent.Texts(Lane.Work));
    }

    [Fact]
    public void A_large_message_that_is_held_back_between_its_parts_goes_on_where_it_was()
    {
        var pair = new SessionPair();
        pair.Connect();
        pair.Child.Queue(Lane.Work, new string('w', 100_000));
        pair.Child.Send();
        pair.Parent.Receive();
        pair.Child.Allowance = new Allowance(Allowance.BelowControl, 0);
        pair.Now += 5000;
        Assert.True(pair.Child.Send()); // a heartbeat, which does not claim the message
        pair.Parent.Receive();
        pair.Child.Allowance = default;
        pair.Settle();
        Assert.Equal(100_000, Assert.Single(pair.Parent.Texts(Lane.Work)).Length);
    }

    private static async Task<bool> Done(Task task)
    {
        await task;
        return true;
    }
}
