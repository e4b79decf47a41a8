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
        var next = signal.WaitAsync(Ct);
        Assert.False(next.IsCompleted);
        signal.Set();
        await next;
    }

    [Fact]
    public async Task Each_word_ends_one_of_several_waits()
    {
        var signal = new Signal();
        Task[] waits = [signal.WaitAsync(Ct), signal.WaitAsync(Ct)];
        signal.Set();
        await (await Task.WhenAny(waits));
        Assert.Equal(1, waits.Count(wait => !wait.IsCompleted));
        signal.Set();
        await Task.WhenAll(waits);
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
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => wait);
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
