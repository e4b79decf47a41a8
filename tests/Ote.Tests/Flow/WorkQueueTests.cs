using Microsoft.Extensions.Time.Testing;
using Ote.Flow;

namespace Ote.Tests.Flow;

public sealed class WorkQueueTests : IDisposable
{
    private readonly FakeTimeProvider _time = new();
    private readonly WorkQueue<string> _queue;

    public WorkQueueTests() => _queue = new WorkQueue<string>(_time, () => 0);

    [Fact]
    public void Key_added_twice_waits_once()
    {
        _queue.Add("a");
        _queue.Add("a");
        Assert.Equal(1, _queue.Count);
    }

    [Fact]
    public async Task Key_that_changes_while_worked_on_runs_once_more_and_never_twice_at_once()
    {
        _queue.Add("a");
        var key = await _queue.TakeAsync(TestContext.Current.CancellationToken);
        _queue.Add("a");
        _queue.Add("a");
        Assert.Equal(0, _queue.Count);
        _queue.Done(key);
        Assert.Equal(1, _queue.Count);
    }

    [Fact]
    public async Task Delayed_key_comes_when_its_time_has_come_and_the_earliest_wish_wins()
    {
        _queue.AddAfter("a", TimeSpan.FromSeconds(10));
        _queue.AddAfter("a", TimeSpan.FromSeconds(3));
        _time.Advance(TimeSpan.FromSeconds(2.9));
        Assert.Equal(0, _queue.Count);
        _time.Advance(TimeSpan.FromSeconds(0.1));
        Assert.Equal("a", await _queue.TakeAsync(TestContext.Current.CancellationToken));
        _queue.Done("a");
        _time.Advance(TimeSpan.FromSeconds(30));
        Assert.True(_queue.IsIdle);
    }

    [Fact]
    public async Task Failing_key_waits_longer_each_time_until_it_succeeds()
    {
        _queue.Add("a");
        var waits = new List<TimeSpan>();
        for (var i = 0; i < 3; i++)
        {
            await _queue.TakeAsync(TestContext.Current.CancellationToken);
            waits.Add(_queue.Retry("a"));
            _time.Advance(waits[^1]);
        }

        Assert.True(waits[0] < waits[1] && waits[1] < waits[2]);
        await _queue.TakeAsync(TestContext.Current.CancellationToken);
        _queue.Done("a");
        _queue.Add("a");
        await _queue.TakeAsync(TestContext.Current.CancellationToken);
        Assert.Equal(waits[0], _queue.Retry("a"));
    }

    [Fact]
    public void Keys_that_come_after_the_end_are_let_go()
    {
        _queue.AddAfter("later", TimeSpan.FromSeconds(1));
        _queue.Dispose();

        _queue.Add("a");
        _queue.AddAfter("b", TimeSpan.FromSeconds(1));
        _time.Advance(TimeSpan.FromSeconds(2));

        Assert.Equal(0, _queue.Count);
    }

    public void Dispose() => _queue.Dispose();
}
