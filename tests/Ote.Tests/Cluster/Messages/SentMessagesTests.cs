using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Ote.Cluster.Journal;
using Ote.Cluster.Messages;
using Ote.Protocol.Tunnel;
using Ote.Tests.Cluster.Handling;

namespace Ote.Tests.Cluster.Messages;

public sealed class SentMessagesTests : IDisposable
{
    private readonly FakeTimeProvider _time = new();
    private readonly MemoryJournal _disk = new();
    private readonly FailingJournal _journal;
    private readonly List<ClusterMessage> _dispatched = [];
    private readonly SentMessages _sent;

    public SentMessagesTests()
    {
        _journal = new FailingJournal(_disk);
        _sent = New();
    }

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Only_the_target_may_say_that_it_was_delivered_and_the_end_is_the_end()
    {
        var message = await SendAsync();
        await LearnAsync("elsewhere", MessageOutcome.Types.State.Delivered);
        Assert.Equal(SentState.OnItsWay, _sent.Find(message.Id)!.State);
        await LearnAsync("target", MessageOutcome.Types.State.Delivered);
        await LearnAsync("root", MessageOutcome.Types.State.Expired);
        Assert.Equal(SentState.Delivered, _sent.Find(message.Id)!.State);
    }

    [Fact]
    public async Task A_fate_that_cannot_be_kept_is_told_again_by_whoever_brought_it()
    {
        var message = await SendAsync();
        _journal.Fails = true;
        await Assert.ThrowsAsync<JournalException>(() => LearnAsync("target", MessageOutcome.Types.State.Delivered));
        Assert.Null(_sent.Find(message.Id)!.Ended);
        _journal.Fails = false;
        await LearnAsync("target", MessageOutcome.Types.State.Delivered);
        Assert.Equal(SentState.Delivered, _sent.Find(message.Id)!.State);
    }

    [Fact]
    public async Task Fate_and_open_messages_survive_a_restart()
    {
        var over = await SendAsync();
        await LearnAsync("target", MessageOutcome.Types.State.Delivered);
        var open = await SendAsync();
        using var again = New();
        again.Restore();
        Assert.Equal(SentState.Delivered, again.Find(over.Id)!.State);
        Assert.Equal(SentState.OnItsWay, again.Find(open.Id)!.State);
        Assert.Equal(1, again.Open);
    }

    [Fact]
    public async Task One_of_which_no_word_comes_is_sent_again_ever_more_rarely_and_ends_after_its_time()
    {
        var message = await SendAsync();
        using var stop = new CancellationTokenSource();
        var running = _sent.RunAsync(stop.Token);
        var began = _time.GetUtcNow();
        var times = new List<double>();
        while (_sent.Find(message.Id)!.Ended is null)
        {
            var before = _dispatched.Count;
            _time.Advance(TimeSpan.FromSeconds(5));
            await Task.Delay(TimeSpan.FromMilliseconds(1), TimeProvider.System, Ct); // virtual time must not outrun the loop
            if (_dispatched.Count > before)
            {
                times.Add((_time.GetUtcNow() - began).TotalSeconds);
            }
        }

        Assert.InRange(times.Count, 2, 4);
        Assert.All(times.Zip(times.Skip(1)), pair => Assert.True(pair.Second - pair.First > pair.First));
        Assert.Equal(SentState.Expired, _sent.Find(message.Id)!.State);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
    }

    [Fact]
    public async Task Ended_ones_give_way_and_too_many_open_ones_are_refused_with_the_way_out()
    {
        for (var i = 0; i < SentMessages.MaxMessages; i++)
        {
            await SendAsync();
        }

        var refused = await Assert.ThrowsAsync<MessageException>(SendAsync);
        Assert.Contains("shorter ttl", refused.Message, StringComparison.Ordinal);
        await LearnAsync("target", MessageOutcome.Types.State.Delivered);
        await SendAsync();
    }

    [Fact]
    public async Task One_sent_a_second_time_under_its_id_is_the_same_message()
    {
        var id = Enumerable.Repeat((byte)7, 16).ToArray();
        var first = await _sent.SendAsync(id, "target", new MessageData { Topic = "t" }, TimeSpan.FromMinutes(1));
        var second = await _sent.SendAsync(id, "target", new MessageData { Topic = "t" }, TimeSpan.FromMinutes(1));
        Assert.Equal(first, second);
        Assert.Single(_dispatched);
    }

    public void Dispose() => _sent.Dispose();

    private SentMessages New() => new("here", _journal, message =>
    {
        _dispatched.Add(message);
        return Task.CompletedTask;
    }, _time, NullLogger.Instance);

    private Task<SentMessage> SendAsync() => _sent.SendAsync(null, "target", new MessageData { Topic = "t" }, TimeSpan.FromMinutes(10));

    private Task LearnAsync(string from, MessageOutcome.Types.State state) =>
        _sent.LearnAsync(new ClusterMessage { Id = _dispatched[^1].Id, From = from, To = "here", Outcome = new MessageOutcome { State = state } });
}
