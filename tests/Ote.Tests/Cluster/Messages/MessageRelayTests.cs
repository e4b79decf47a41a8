using Google.Protobuf;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Ote.Cluster.Budgets;
using Ote.Cluster.Journal;
using Ote.Cluster.Messages;
using Ote.Protocol.Tunnel;
using Ote.Tests.Cluster.Handling;

namespace Ote.Tests.Cluster.Messages;

public sealed class MessageRelayTests
{
    private readonly FakeTimeProvider _time = new();
    private readonly MemoryJournal _disk = new();
    private readonly FailingJournal _journal;
    private readonly Dictionary<string, FakeLink> _links = new(StringComparer.Ordinal);
    private readonly Dictionary<string, MessageRoute> _routes = new(StringComparer.Ordinal) { ["a"] = new(MessageStep.Down, "child"), ["x"] = new(MessageStep.Up), ["here"] = new(MessageStep.Here) };
    private readonly List<ClusterMessage> _arrived = [];

    public MessageRelayTests() => _journal = new FailingJournal(_disk);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task It_stays_on_disk_until_the_next_controller_has_it()
    {
        using var relay = New();
        var child = _links["child"] = new FakeLink("child");
        await relay.TakeAsync(Data("a", 1), fromAbove: false, 1);
        Assert.Single(_disk.Load(MessageRelay.Book));
        var sent = await child.Next();
        Assert.Equal((1u, Lane.Work), (sent.Message.Hops, sent.Message.Lane));
        Assert.InRange(sent.Message.ClusterMessage.RemainingMilliseconds, 1ul, 60_000ul);
        sent.Acknowledge();
        Assert.Empty(_disk.Load(MessageRelay.Book));
        Assert.Equal(0, relay.Count);
    }

    [Fact]
    public async Task A_lost_link_or_a_restart_leaves_it_for_the_next_in_order()
    {
        using var first = New();
        await first.TakeAsync(Data("x", 1), fromAbove: false, 0);
        await first.TakeAsync(Data("x", 2), fromAbove: false, 0);
        using var second = New();
        second.Restore();
        using var stop = new CancellationTokenSource();
        var running = second.RunAsync(stop.Token);
        var lost = _links[""] = new FakeLink("parent");
        second.Wake();
        var sent = await lost.Next();
        await lost.Next();
        var parent = _links[""] = new FakeLink("parent", 2);
        sent.Lose();
        Assert.Equal(1, (await parent.Next()).Message.ClusterMessage.Id[0]);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
    }

    [Fact]
    public async Task A_full_disk_has_whoever_brought_it_keep_it()
    {
        using var relay = New();
        _journal.Fails = true;
        await Assert.ThrowsAsync<JournalException>(() => relay.TakeAsync(Data("a", 1), fromAbove: false, 0));
        Assert.Equal(0, relay.Count);
        _journal.Fails = false;
        await relay.TakeAsync(Data("a", 1), fromAbove: false, 0);
        Assert.Equal(1, relay.Count);
    }

    [Fact]
    public async Task One_that_is_here_already_changes_nothing()
    {
        using var relay = New();
        await relay.TakeAsync(Data("a", 1), fromAbove: false, 0);
        await relay.TakeAsync(Data("a", 1), fromAbove: false, 0);
        Assert.Single(_disk.Load(MessageRelay.Book));
    }

    [Fact]
    public async Task What_is_too_old_or_for_nobody_ends_and_its_sender_is_told()
    {
        using var relay = New();
        _routes["nobody"] = new(MessageStep.NoCluster);
        _routes["sender"] = new(MessageStep.Here);
        await relay.TakeAsync(Data("nobody", 1), fromAbove: false, 2);
        await relay.TakeAsync(Data("a", 2), fromAbove: false, 3);
        using var stop = new CancellationTokenSource();
        var running = relay.RunAsync(stop.Token);
        while (relay.Count > 0)
        {
            _time.Advance(TimeSpan.FromSeconds(20));
            await Task.Yield();
        }

        Assert.Equal(
            [(MessageOutcome.Types.State.NoCluster, 2u), (MessageOutcome.Types.State.Expired, 3u)],
            _arrived.Select(o => (o.Outcome.State, o.Outcome.Hops)));
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
    }

    [Fact]
    public async Task A_target_that_is_away_has_its_sender_told_once()
    {
        using var relay = New();
        _routes["away"] = new(MessageStep.Wait);
        _routes["sender"] = new(MessageStep.Here);
        await relay.TakeAsync(Data("away", 1), fromAbove: true, 0);
        using var stop = new CancellationTokenSource();
        var running = relay.RunAsync(stop.Token);
        relay.Wake();
        var child = _links["child"] = new FakeLink("child");
        _routes["away"] = new(MessageStep.Down, "child");
        relay.Wake();
        await child.Next();
        Assert.Equal(MessageOutcome.Types.State.Waiting, Assert.Single(_arrived).Outcome.State);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
    }

    [Fact]
    public async Task A_disk_that_is_full_for_a_while_stops_nothing_for_good()
    {
        using var relay = New();
        _routes["sender"] = new(MessageStep.Up); // word of it would have to be kept
        await relay.TakeAsync(Data("a", 1), fromAbove: false, 0);
        using var stop = new CancellationTokenSource();
        var running = relay.RunAsync(stop.Token);
        _journal.Fails = true;
        _time.Advance(TimeSpan.FromMinutes(2)); // its time is over
        relay.Wake();
        await _journal.Failed;
        _journal.Fails = false;
        var told = (_links[""] = new FakeLink("parent")).Next();
        while (!told.IsCompleted)
        {
            _time.Advance(TimeSpan.FromSeconds(5));
            await Task.Yield();
        }

        Assert.Equal(MessageOutcome.Types.State.Expired, (await told).Message.ClusterMessage.Outcome.State);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
    }

    [Fact]
    public async Task One_that_waits_since_it_came_down_goes_up_when_it_is_sent_anew_from_below()
    {
        using var relay = New();
        _routes["sender"] = new(MessageStep.Here);
        _routes["away"] = new(MessageStep.Wait);
        await relay.TakeAsync(Data("away", 1), fromAbove: true, 0);
        _routes["away"] = new(MessageStep.Up); // as the table says of what did not come from above
        var parent = _links[""] = new FakeLink("parent");
        await relay.TakeAsync(Data("away", 1), fromAbove: false, 0);
        await parent.Next();
        using var again = New();
        again.Restore();
        Assert.Equal(1, again.Count); // and is one, also over a restart
    }

    [Fact]
    public async Task More_than_it_keeps_are_refused_and_word_of_that_still_gets_through()
    {
        using var relay = New();
        _routes["sender"] = new(MessageStep.Here);
        for (var i = 0; i < MessageRelay.MaxMessages; i++)
        {
            await relay.TakeAsync(Data("a", i), fromAbove: false, 0);
        }

        await relay.TakeAsync(Data("a", -1), fromAbove: false, 0);
        Assert.Equal(MessageOutcome.Types.State.Refused, Assert.Single(_arrived).Outcome.State);
        Assert.Equal(MessageRelay.MaxMessages, relay.Count);
    }

    [Fact]
    public async Task One_too_large_for_the_next_link_is_refused()
    {
        using var relay = New();
        _routes["sender"] = new(MessageStep.Here);
        _links["child"] = new FakeLink("child") { MaxBytes = 10 };
        await relay.TakeAsync(Data("a", 1), fromAbove: false, 0);
        Assert.Equal(MessageOutcome.Types.State.Refused, Assert.Single(_arrived).Outcome.State);
        Assert.Equal(0, relay.Count);
    }

    [Fact]
    public async Task One_that_hangs_in_the_queue_of_a_lost_link_goes_across_and_is_done_with_when_either_has_it()
    {
        using var relay = New();
        using var stop = new CancellationTokenSource();
        var running = relay.RunAsync(stop.Token);
        var parent = _links[""] = new FakeLink("parent");
        await relay.TakeAsync(Data("x", 1), fromAbove: false, 0);
        var hanging = await parent.Next();
        _routes["x"] = new(MessageStep.Across, "peer");
        var peer = _links["peer"] = new FakeLink("peer");
        relay.Wake();
        parent.IsUp = false;
        relay.Wake();
        var across = await peer.Next();
        Assert.False(across.Message.ClusterMessage.Turned);
        Assert.False(relay.WentAcross(across.Message.ClusterMessage));
        across.Acknowledge();
        while (relay.Count > 0)
        {
            Ct.ThrowIfCancellationRequested(); // by another thread, soon
            await Task.Yield();
        }

        Assert.True(relay.WentAcross(across.Message.ClusterMessage)); // when it comes again, the peer is not to be counted on
        hanging.Acknowledge(); // the parent came back
        Assert.Empty(_disk.Load(MessageRelay.Book));
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
    }

    /// <summary>The queue of a child that came by for a moment is kept for a day, and its target is elsewhere.</summary>
    [Fact]
    public async Task One_that_hangs_in_the_queue_of_a_child_that_left_goes_where_its_target_is_now()
    {
        using var relay = New();
        var visitor = _links["child"] = new FakeLink("child");
        await relay.TakeAsync(Data("a", 1), fromAbove: false, 0);
        var queued = await visitor.Next();
        visitor.IsUp = false;
        using var stop = new CancellationTokenSource();
        var running = relay.RunAsync(stop.Token);
        var other = _links["south"] = new FakeLink("south");
        _routes["a"] = new(MessageStep.Down, "south");
        relay.Wake();
        var again = await other.Next();
        Assert.Equal(queued.Message.ClusterMessage.Id, again.Message.ClusterMessage.Id);
        queued.Lose(); // what the queue gives up at last changes nothing
        again.Acknowledge();
        while (relay.Count > 0)
        {
            Ct.ThrowIfCancellationRequested(); // by another thread, soon
            await Task.Yield();
        }

        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
    }

    [Fact]
    public async Task One_that_a_lost_lateral_link_did_not_take_goes_by_the_tree_at_once()
    {
        using var relay = New();
        using var stop = new CancellationTokenSource();
        var running = relay.RunAsync(stop.Token);
        _routes["x"] = new(MessageStep.Across, "peer");
        var (peer, parent) = (_links["peer"] = new FakeLink("peer"), _links[""] = new FakeLink("parent"));
        await relay.TakeAsync(Data("x", 1), fromAbove: false, 0);
        var across = await peer.Next();
        _routes["x"] = new(MessageStep.Up);
        across.Lose();
        Assert.Equal(1, (await parent.Next()).Message.ClusterMessage.Id[0]);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
    }

    [Fact]
    public async Task A_lateral_peer_that_lives_and_takes_nothing_loses_the_link_and_the_tree_has_the_message()
    {
        using var relay = New();
        using var stop = new CancellationTokenSource();
        var running = relay.RunAsync(stop.Token);
        _routes["x"] = new(MessageStep.Across, "peer");
        var (peer, parent) = (_links["peer"] = new FakeLink("peer"), _links[""] = new FakeLink("parent"));
        await relay.TakeAsync(Data("x", 1), fromAbove: false, 0);
        var across = await peer.Next();
        while (peer.IsUp)
        {
            _time.Advance(TimeSpan.FromSeconds(1));
            await Task.Yield();
        }

        _routes["x"] = new(MessageStep.Up);
        across.Lose(); // as the end of its link does
        Assert.Equal(1, (await parent.Next()).Message.ClusterMessage.Id[0]);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
    }

    [Fact]
    public async Task What_came_down_or_across_would_say_so_if_it_were_sent_up_and_does_not_on_its_way_down()
    {
        using var relay = New();
        var (child, parent) = (_links["child"] = new FakeLink("child"), _links[""] = new FakeLink("parent"));
        await relay.TakeAsync(Data("a", 1), fromAbove: true, 1);
        Assert.False((await child.Next()).Message.ClusterMessage.Turned);
        await relay.TakeAsync(Data("x", 2), fromAbove: true, 1); // a route that must not be: up
        Assert.True((await parent.Next()).Message.ClusterMessage.Turned);
    }

    [Fact]
    public async Task One_that_quiet_hours_hold_back_has_its_sender_told_once_what_it_waits_for_and_until_when()
    {
        using var relay = New();
        using var stop = new CancellationTokenSource();
        var running = relay.RunAsync(stop.Token);
        _routes["sender"] = new(MessageStep.Here);
        var parent = _links[""] = new FakeLink("parent") { Cost = Quiet("22:00-06:00") };
        _time.SetUtcNow(Evening);
        await relay.TakeAsync(Data("x", 1), fromAbove: false, 3);
        var held = await parent.Next();

        var word = Assert.Single(_arrived).Outcome;
        Assert.Equal((MessageOutcome.Types.State.Waiting, "waits at here: quiet hours of the link of here, until 2026-03-06 06:00 UTC at the latest", 3u), (word.State, word.Text, word.Hops));
        await LookAsync(relay, 1);
        await LookAsync(relay, 2);
        Assert.Single(_arrived);

        parent.Cost = Quiet("22:00-07:00"); // what was told is not true any more
        await LookAsync(relay, 3);
        Assert.Equal(2, _arrived.Count);
        Assert.Contains("07:00 UTC", _arrived[1].Outcome.Text, StringComparison.Ordinal);
        held.Acknowledge();
        Assert.Equal(0, relay.Count);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
    }

    [Fact]
    public async Task One_that_was_queued_before_the_day_was_used_up_has_its_sender_told_then_and_word_of_it_makes_no_more_words()
    {
        using var relay = New();
        using var stop = new CancellationTokenSource();
        var running = relay.RunAsync(stop.Token);
        _time.SetUtcNow(Evening);
        var (parent, child) = (_links[""] = new FakeLink("parent"), _links["child"] = new FakeLink("child"));
        _routes["sender"] = new(MessageStep.Up);
        await relay.TakeAsync(Data("a", 1), fromAbove: false, 0);
        await child.Next();
        var spent = new LinkCost(null, 0, 0, 0, 0, new LinkBudget { DailyBytes = LinkBudget.LeastDailyBytes, Offset = TimeSpan.FromHours(-2) }, IsSpent: true);
        (child.Cost, parent.Cost) = (spent, spent); // the word waits as well
        await LookAsync(relay, 1);

        Assert.Equal(
            "waits at here: the used-up bytes of the day of the link of child, until 2026-03-06 02:00 UTC at the latest", (await parent.Next()).Message.ClusterMessage.Outcome.Text);
        await LookAsync(relay, 2);
        Assert.Equal((0, 2), (parent.Unread, relay.Count));
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
    }

    [Fact]
    public async Task One_that_has_travelled_too_many_links_is_refused()
    {
        using var relay = New();
        _routes["sender"] = new(MessageStep.Here);
        _links["child"] = new FakeLink("child");
        await relay.TakeAsync(Data("a", 1), fromAbove: false, 32);
        Assert.Equal((MessageOutcome.Types.State.Refused, 32u), (Assert.Single(_arrived).Outcome.State, _arrived[0].Outcome.Hops));
        Assert.Equal(0, relay.Count);
    }

    private static readonly DateTimeOffset Evening = new(2026, 3, 5, 22, 30, 0, TimeSpan.Zero);

    private static LinkCost Quiet(string hours)
    {
        Assert.True(QuietHours.TryParse(hours, out var quiet, out _));
        return new LinkCost(null, 0, 0, 0, 0, new LinkBudget { QuietHours = [quiet] }, IsSpent: false);
    }

    // Word of another message that goes out was looked at after what came before it.
    private async Task LookAsync(MessageRelay relay, int number)
    {
        _routes["probe"] = new(MessageStep.Wait);
        var probe = Data("probe", 1000 + number);
        probe.Outcome = new MessageOutcome { State = MessageOutcome.Types.State.Expired };
        await relay.TakeAsync(probe, fromAbove: true, 0);
        var probes = _links["probes"] = new FakeLink("probes");
        _routes["probe"] = new(MessageStep.Down, "probes");
        _time.Advance(TimeSpan.FromSeconds(5));
        relay.Wake();
        (await probes.Next()).Acknowledge();
    }

    private MessageRelay New() => new(
        "here", _journal, (message, _) => _routes[message.To], step => _links.GetValueOrDefault(step.Next),
        (message, _) =>
        {
            _arrived.Add(message);
            return Task.CompletedTask;
        },
        mostHops: 32, _time, NullLogger.Instance);

    private ClusterMessage Data(string to, int id)
    {
        var bytes = new byte[16];
        BitConverter.TryWriteBytes(bytes, id);
        return new ClusterMessage
        {
            Id = ByteString.CopyFrom(bytes), From = "sender", To = to, Data = new MessageData { Topic = "t", Body = ByteString.CopyFromUtf8("b") },
            DeadlineUnixMilliseconds = (_time.GetUtcNow() + TimeSpan.FromMinutes(1)).ToUnixTimeMilliseconds(),
        };
    }
}
