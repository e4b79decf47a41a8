using Google.Protobuf;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Ote.Cluster.Journal;
using Ote.Cluster.Messages;
using Ote.Protocol.Tunnel;
using Ote.Tests.Cluster.Handling;

namespace Ote.Tests.Cluster.Messages;

public sealed class InboxTests
{
    private readonly FakeTimeProvider _time = new();
    private readonly MemoryJournal _disk = new();
    private readonly FailingJournal _journal;
    private readonly Inbox _inbox;

    public InboxTests()
    {
        _journal = new FailingJournal(_disk);
        _inbox = new Inbox(_journal, _time, NullLogger.Instance);
    }

    [Fact]
    public async Task A_message_not_acknowledged_is_given_out_again_after_its_hold_and_after_a_restart()
    {
        await _inbox.TakeAsync(Data(1), 2);
        Assert.Single(_inbox.Give("t", 10));
        Assert.Empty(_inbox.Give("t", 10));
        _time.Advance(Inbox.Hold);
        Assert.Single(_inbox.Give("t", 10));

        var again = new Inbox(_disk, _time, NullLogger.Instance);
        again.Restore();
        Assert.Equal(2, Assert.Single(again.Give("t", 10)).Hops);
    }

    [Fact]
    public async Task A_repeat_is_known_before_and_after_it_was_taken_and_over_a_restart()
    {
        await _inbox.TakeAsync(Data(1), 0);
        Assert.Null(await _inbox.TakeAsync(Data(1), 0));
        Assert.Equal(1, _inbox.Count);
        Assert.True(await _inbox.AcknowledgeAsync(_inbox.Give(null, 1)[0].Id));
        Assert.Null(await _inbox.TakeAsync(Data(1), 0));
        Assert.Equal(0, _inbox.Count);

        var again = new Inbox(_disk, _time, NullLogger.Instance);
        again.Restore();
        Assert.Null(await again.TakeAsync(Data(1), 0));
        Assert.Empty(again.Give(null, 1));
    }

    [Fact]
    public async Task An_acknowledgement_that_cannot_be_kept_leaves_the_message_to_be_given_out_again()
    {
        await _inbox.TakeAsync(Data(1), 0);
        var given = Assert.Single(_inbox.Give(null, 1));
        _journal.Fails = true;
        await Assert.ThrowsAsync<JournalException>(() => _inbox.AcknowledgeAsync(given.Id));
        _journal.Fails = false;
        _time.Advance(Inbox.Hold);
        Assert.Equal(given.Body.ToArray(), Assert.Single(_inbox.Give(null, 1)).Body.ToArray());
        Assert.True(await _inbox.AcknowledgeAsync(given.Id));
    }

    [Fact]
    public async Task Topics_are_apart_and_what_is_acknowledged_twice_is_said_so()
    {
        await _inbox.TakeAsync(Data(1, "a"), 0);
        await _inbox.TakeAsync(Data(2, "b"), 0);
        var b = Assert.Single(_inbox.Give("b", 10));
        Assert.True(await _inbox.AcknowledgeAsync(b.Id));
        Assert.False(await _inbox.AcknowledgeAsync(b.Id));
        Assert.Single(_inbox.Give("a", 10));
    }

    [Fact]
    public async Task More_than_is_kept_is_refused_until_some_are_taken()
    {
        for (var i = 0; i < Inbox.MaxMessages; i++)
        {
            Assert.Null(await _inbox.TakeAsync(Data(i), 0));
        }

        Assert.Contains("as many as are kept", await _inbox.TakeAsync(Data(-1), 0), StringComparison.Ordinal);
        await _inbox.AcknowledgeAsync(_inbox.Give(null, 1)[0].Id);
        Assert.Null(await _inbox.TakeAsync(Data(-1), 0));
    }

    [Fact]
    public async Task A_full_disk_takes_nothing_and_the_repeat_is_taken_when_there_is_room()
    {
        _journal.Fails = true;
        await Assert.ThrowsAsync<JournalException>(() => _inbox.TakeAsync(Data(1), 0));
        Assert.Empty(_inbox.Give(null, 1));
        _journal.Fails = false;
        Assert.Null(await _inbox.TakeAsync(Data(1), 0));
        Assert.Single(_inbox.Give(null, 1));
    }

    [Fact]
    public async Task What_is_past_its_time_is_neither_given_out_nor_kept()
    {
        await _inbox.TakeAsync(Data(1), 0);
        await _inbox.AcknowledgeAsync(_inbox.Give(null, 1)[0].Id);
        await _inbox.TakeAsync(Data(2), 0);
        _time.Advance(TimeSpan.FromMinutes(2));
        Assert.Empty(_inbox.Give(null, 10));
        await _inbox.TakeAsync(Data(3), 0);
        Assert.Equal(1, _inbox.Count);
        Assert.Single(_disk.Load(Inbox.Book));
    }

    private ClusterMessage Data(int id, string topic = "t")
    {
        var bytes = new byte[16];
        BitConverter.TryWriteBytes(bytes, id);
        return new ClusterMessage
        {
            Id = ByteString.CopyFrom(bytes), From = "sender", To = "here", Data = new MessageData { Topic = topic, Body = ByteString.CopyFromUtf8("b") },
            DeadlineUnixMilliseconds = (_time.GetUtcNow() + TimeSpan.FromMinutes(1)).ToUnixTimeMilliseconds(),
        };
    }
}
