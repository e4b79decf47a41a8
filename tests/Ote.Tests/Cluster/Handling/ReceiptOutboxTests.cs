using Google.Protobuf;
using Microsoft.Extensions.Logging.Abstractions;
using Ote.Cluster.Handling;
using Ote.Cluster.Journal;
using Ote.Protocol.Tunnel;

namespace Ote.Tests.Cluster.Handling;

public sealed class ReceiptOutboxTests
{
    private readonly MemoryJournal _disk = new();
    private readonly FailingJournal _journal;
    private readonly FakeLink _link = new("parent");
    private ReceiptOutbox _outbox;

    public ReceiptOutboxTests()
    {
        _journal = new FailingJournal(_disk);
        _outbox = New();
    }

    [Fact]
    public async Task Receipts_leave_the_disk_when_the_parent_has_them()
    {
        await _outbox.AddAsync([Receipt("u1")], JournalChange.Put("other", "k", [1]));
        Assert.Single(_disk.Load("other"));
        await using Sending sending = new(_outbox, _link);
        var sent = await _link.Next();
        Assert.Equal(["u1"], Uids(sent));
        Assert.Single(_disk.Load(ReceiptOutbox.Book));
        sent.Acknowledge();
        Assert.Empty(_disk.Load(ReceiptOutbox.Book));
    }

    [Fact]
    public async Task What_waits_travels_together()
    {
        for (int i = 0; i < 1200; i++)
        {
            await _outbox.AddAsync([Receipt($"u{i}")]);
        }

        await using Sending sending = new(_outbox, _link);
        List<string> seen = [];
        foreach (int expected in new[] { 500, 500, 200 })
        {
            var sent = await _link.Next();
            Assert.Equal(expected, sent.Message.Receipts.Receipts.Count);
            seen.AddRange(Uids(sent));
            sent.Acknowledge();
        }

        Assert.Equal(Enumerable.Range(0, 1200).Select(i => $"u{i}"), seen);
        Assert.Empty(_disk.Load(ReceiptOutbox.Book));
    }

    [Fact]
    public async Task A_parent_that_takes_only_small_messages_gets_the_outcome_without_the_answer()
    {
        var large = Receipt("u1");
        large.Body = ByteString.CopyFrom(new byte[10_000]);
        await _outbox.AddAsync([large]);
        FakeLink narrow = new("parent") { MaxBytes = 5000 };
        await using Sending sending = new(_outbox, narrow);
        var sent = await narrow.Next();
        var told = Assert.Single(sent.Message.Receipts.Receipts);
        Assert.Equal(("u1", true, true), (told.CommandUid, told.Body.IsEmpty, told.Truncated));
        sent.Acknowledge();
        Assert.Empty(_disk.Load(ReceiptOutbox.Book));
    }

    [Fact]
    public async Task A_batch_stays_below_512_KiB_when_more_than_one_waits()
    {
        for (int i = 0; i < 4; i++)
        {
            await _outbox.AddAsync([Receipt($"u{i}", 200 * 1024)]);
        }

        await using Sending sending = new(_outbox, _link);
        Assert.Equal(["u0", "u1"], Uids(await _link.Next()));
        Assert.Equal(["u2", "u3"], Uids(await _link.Next()));
    }

    [Fact]
    public async Task A_lost_link_gives_them_to_the_next()
    {
        await _outbox.AddAsync([Receipt("u1")]);
        await using (Sending sending = new(_outbox, _link))
        {
            var sent = await _link.Next();
            _link.Close("lost");
            sent.Lose();
        }

        Assert.Equal(1, _outbox.Count);
        FakeLink next = new("parent", 2);
        await using Sending again = new(_outbox, next);
        (await next.Next()).Acknowledge();
        Assert.Empty(_disk.Load(ReceiptOutbox.Book));
    }

    [Fact]
    public async Task A_restart_takes_up_what_was_not_acknowledged()
    {
        await _outbox.AddAsync([Receipt("u1")]);
        await _outbox.AddAsync([Receipt("u2")]);
        _outbox = New();
        _outbox.Restore();
        await _outbox.AddAsync([Receipt("u3")]);
        Assert.Equal(3, _disk.Load(ReceiptOutbox.Book).Count);
        await using Sending sending = new(_outbox, _link);
        Assert.Equal(["u1", "u2", "u3"], Uids(await _link.Next()));
    }

    [Fact]
    public async Task A_journal_that_fails_means_that_nothing_was_taken()
    {
        _journal.Fails = true;
        await Assert.ThrowsAsync<JournalException>(() => _outbox.AddAsync([Receipt("u1")]));
        Assert.Equal(0, _outbox.Count);
    }

    private ReceiptOutbox New() => new(_journal, NullLogger.Instance);

    private static Receipt Receipt(string uid, int size = 0) => new() { CommandUid = uid, Cluster = "c1", Stage = Stage.Executed, Body = ByteString.CopyFrom(new byte[size]) };

    private static IEnumerable<string> Uids(FakeLink.Sent sent) => sent.Message.Receipts.Receipts.Select(r => r.CommandUid);

    /// <summary>The sender of one link, stopped and awaited at the end.</summary>
    private sealed class Sending : IAsyncDisposable
    {
        private readonly CancellationTokenSource _stop = new();
        private readonly Task _task;

        public Sending(ReceiptOutbox outbox, FakeLink link) => _task = outbox.SendAsync(link, _stop.Token);

        public async ValueTask DisposeAsync()
        {
            await _stop.CancelAsync();
            await _task;
            _stop.Dispose();
        }
    }
}
