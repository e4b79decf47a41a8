using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Ote.Cluster.Handling;
using Ote.Cluster.Journal;
using Ote.Cluster.Tunnel;
using Ote.Protocol.Records;
using Ote.Protocol.Tunnel;

namespace Ote.Tests.Cluster.Handling;

public sealed class TransitTests
{
    private readonly FakeTimeProvider _time = new();
    private readonly MemoryJournal _disk = new();
    private readonly FailingJournal _journal;
    private readonly Dictionary<string, FakeLink> _links = [];
    private Transit _transit;

    public TransitTests()
    {
        _journal = new FailingJournal(_disk);
        _transit = New();
    }

    [Fact]
    public async Task A_command_stays_on_disk_until_each_child_has_acknowledged_it()
    {
        Attach("a");
        Attach("b");
        await _transit.TakeAsync(Command("u1"), ["a", "b"]);
        Assert.Single(_disk.Load(Transit.Book));
        (await _links["a"].Next()).Acknowledge();
        Assert.Single(_disk.Load(Transit.Book));
        (await _links["b"].Next()).Acknowledge();
        Assert.Empty(_disk.Load(Transit.Book));
        Assert.Equal(0, _transit.Count);
    }

    [Fact]
    public async Task A_child_that_is_away_gets_what_waits_in_order_when_it_comes()
    {
        await _transit.TakeAsync(Command("u1"), ["a"]);
        await _transit.TakeAsync(Command("u2"), ["a"]);
        await _transit.TakeAsync(Command("other"), ["b"]);
        Attach("a");
        Assert.Equal("u1", (await _links["a"].Next()).Message.Command.CommandUid);
        Assert.Equal("u2", (await _links["a"].Next()).Message.Command.CommandUid);
        _transit.Attached("a");
        Assert.Equal(0, _links["a"].Unread);
    }

    [Fact]
    public async Task A_command_that_waits_for_one_child_goes_to_another_too_when_its_target_has_moved_there()
    {
        Attach("b");
        await _transit.TakeAsync(Command("u1"), ["a"]); // which is away, and whose child has gone to b
        await _transit.TakeAsync(Command("u1"), ["b"]);
        Assert.Equal("a,b", string.Join(',', TransitRecord.Parser.ParseFrom(Assert.Single(_disk.Load(Transit.Book)).Value).Children.Order()));
        (await _links["b"].Next()).Acknowledge();
        Assert.Equal(1, _transit.Count);

        await _transit.TakeAsync(Command("u1"), ["b"]); // asked again, it answers from its journal
        (await _links["b"].Next()).Acknowledge();
        (await Attach("a").Next()).Acknowledge();
        Assert.Equal(0, _transit.Count);
        Assert.Empty(_disk.Load(Transit.Book));
    }

    [Fact]
    public async Task A_lost_link_leaves_it_for_the_next()
    {
        var first = Attach("a");
        await _transit.TakeAsync(Command("u1"), ["a"]);
        _links.Remove("a");
        (await first.Next()).Lose();
        Assert.Equal(1, _transit.Count);
        (await Attach("a").Next()).Acknowledge();
        Assert.Equal(0, _transit.Count);
    }

    [Fact]
    public async Task A_loss_that_is_noticed_after_the_child_came_back_does_not_strand_the_command()
    {
        var first = Attach("a");
        await _transit.TakeAsync(Command("u1"), ["a"]);
        var sent = await first.Next();
        var second = Attach("a");
        Assert.Equal(0, second.Unread);
        sent.Lose();
        (await second.Next()).Acknowledge();
        Assert.Equal(0, _transit.Count);
    }

    [Fact]
    public async Task The_same_command_taken_twice_is_sent_once_and_kept_once()
    {
        var link = Attach("a");
        await _transit.TakeAsync(Command("u1"), ["a"]);
        await _transit.TakeAsync(Command("u1"), ["a"]);
        await _transit.TakeAsync(new Message { Lane = Lane.Commands, CancelCommand = new CancelCommand { CommandUid = "u1", Generation = 1, Selector = "*" } }, ["a"]);
        Assert.Equal(2, link.Unread);
        Assert.Equal(2, _disk.Load(Transit.Book).Count);
        await _transit.TakeAsync(Command("u9"), []);
        Assert.Equal(2, _transit.Count);
    }

    [Fact]
    public async Task A_restart_takes_up_what_was_not_acknowledged()
    {
        await _transit.TakeAsync(Command("u1"), ["a"]);
        await _transit.TakeAsync(Command("u2"), ["a"]);
        _transit = New();
        _transit.Restore();
        await _transit.TakeAsync(Command("u3"), ["a"]);
        var link = Attach("a");
        Assert.Equal(["u1", "u2", "u3"], new[] { await link.Next(), await link.Next(), await link.Next() }.Select(s => s.Message.Command.CommandUid));
        Assert.Equal(3, _disk.Load(Transit.Book).Count);
    }

    [Fact]
    public async Task What_is_past_its_deadline_is_dropped_also_from_disk()
    {
        var message = Command("u1");
        message.Command.DeadlineUnixMilliseconds = _time.GetUtcNow().AddMinutes(1).ToUnixTimeMilliseconds();
        await _transit.TakeAsync(message, ["a"]);
        await _transit.TakeAsync(Command("no-deadline"), ["a"]);
        await _transit.ExpireAsync();
        Assert.Equal(2, _transit.Count);
        _time.Advance(TimeSpan.FromMinutes(2));
        await _transit.ExpireAsync();
        Assert.Equal(1, _transit.Count);
        Assert.Single(_disk.Load(Transit.Book));
    }

    [Fact]
    public async Task A_cancellation_for_a_child_that_never_returns_is_dropped_with_its_commands_deadline()
    {
        var cancel = new CancelCommand { CommandUid = "u1", Generation = 1, Selector = "*", DeadlineUnixMilliseconds = _time.GetUtcNow().AddMinutes(1).ToUnixTimeMilliseconds() };
        await _transit.TakeAsync(new Message { Lane = Lane.Commands, CancelCommand = cancel }, ["gone"]);
        _transit = New();
        _transit.Restore();
        await _transit.ExpireAsync();
        Assert.Equal(1, _transit.Count);
        _time.Advance(TimeSpan.FromMinutes(2));
        await _transit.ExpireAsync();
        Assert.Equal(0, _transit.Count);
        Assert.Empty(_disk.Load(Transit.Book));
    }

    [Fact]
    public async Task The_time_that_is_left_travels()
    {
        var message = Command("u1");
        message.Command.DeadlineUnixMilliseconds = _time.GetUtcNow().AddMinutes(10).ToUnixTimeMilliseconds();
        await _transit.TakeAsync(message, ["a"]);
        _time.Advance(TimeSpan.FromMinutes(4));
        Assert.Equal((ulong)TimeSpan.FromMinutes(6).TotalMilliseconds, (await Attach("a").Next()).Message.Command.RemainingMilliseconds);
    }

    [Fact]
    public async Task A_journal_that_fails_means_that_nothing_was_taken()
    {
        var link = Attach("a");
        _journal.Fails = true;
        await Assert.ThrowsAsync<JournalException>(() => _transit.TakeAsync(Command("u1"), ["a"]));
        Assert.Equal((0, 0), (_transit.Count, link.Unread));
        _journal.Fails = false;
        await _transit.TakeAsync(Command("u1"), ["a"]);
        Assert.Equal(1, link.Unread);
    }

    private Transit New() => new(_journal, child => _links.GetValueOrDefault(child) as ILink, _time, NullLogger.Instance);

    private FakeLink Attach(string child)
    {
        FakeLink link = _links[child] = new FakeLink(child);
        _transit.Attached(child);
        return link;
    }

    private static Message Command(string uid) => new() { Lane = Lane.Commands, Command = new Command { CommandUid = uid, Generation = 1, Selector = "*" } };
}
