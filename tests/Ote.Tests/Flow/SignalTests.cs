using Ote.Flow;

namespace Ote.Tests.Flow;

public sealed class SignalTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Word_given_many_times_wakes_one_wait_once()
    {
        var signal = new Signal();
        for (var i = 0; i < 5; i++)
        {
            signal.Set();
        }

        await signal.WaitAsync(Ct);
        var next = signal.WaitAsync(Ct).AsTask();
        Assert.False(next.IsCompleted);
        signal.Set();
        await next;
    }

    [Fact]
    public async Task Word_that_comes_while_the_wait_is_ending_adds_nothing()
    {
        var signal = new Signal();
        var wait = signal.WaitAsync(Ct);
        signal.Set();
        signal.Set();
        await wait;
        Assert.False(signal.TryTake());
        signal.Set();
        Assert.True(signal.TryTake());
    }

    [Fact]
    public async Task Only_one_waits_at_a_time()
    {
        var signal = new Signal();
        var wait = signal.WaitAsync(Ct);
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await signal.WaitAsync(Ct));
        signal.Set();
        await wait;
    }

    [Fact]
    public async Task Who_has_given_up_before_gets_no_word()
    {
        var signal = new Signal();
        signal.Set();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await signal.WaitAsync(new CancellationToken(canceled: true)));
        Assert.True(signal.TryTake());
    }

    [Fact]
    public void Word_is_taken_without_waiting_only_while_it_is_out()
    {
        var signal = new Signal();
        Assert.False(signal.TryTake());
        signal.Set();
        Assert.True(signal.TryTake());
        Assert.False(signal.TryTake());
    }

    [Fact]
    public async Task Wait_that_is_given_up_leaves_the_word_for_the_next()
    {
        var signal = new Signal();
        using var given = new CancellationTokenSource();
        var wait = signal.WaitAsync(given.Token);
        await given.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await wait);
        signal.Set();
        signal.Set();
        await signal.WaitAsync(Ct);
    }

    [Fact]
    public async Task No_word_is_lost_between_many_who_set_and_one_who_waits()
    {
        const int Setters = 4;
        const int Each = 5_000;
        var signal = new Signal();
        var done = 0;
        var setting = Enumerable.Range(0, Setters).Select(_ => Task.Run(
            () =>
            {
                for (var i = 0; i < Each; i++)
                {
                    Interlocked.Increment(ref done);
                    signal.Set();
                }
            },
            Ct)).ToArray();
        // The last piece of work was noted before its word: who hears every word sees it.
        while (Volatile.Read(ref done) < Setters * Each)
        {
            await signal.WaitAsync(Ct);
        }

        await Task.WhenAll(setting);
    }
}
