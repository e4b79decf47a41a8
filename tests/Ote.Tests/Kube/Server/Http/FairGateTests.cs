using Microsoft.Extensions.Time.Testing;
using Ote.Kube.Server.Http;

namespace Ote.Tests.Kube.Server.Http;

/// <summary>Who gets in when not all can.</summary>
public sealed class FairGateTests
{
    private readonly FakeTimeProvider _time = new();

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Users_take_turns_however_many_one_of_them_has_waiting()
    {
        var gate = new FairGate(1, 10, 100, TimeSpan.FromSeconds(30), _time);
        Assert.True(await gate.EnterAsync("first", Ct));
        List<string> order = [];
        Task[] waiting = [.. ((string[])["flood", "flood", "flood", "jo", "al", "jo"]).Select(user => InAsync(gate, user, order))];
        Assert.Equal(6, gate.Waiting);
        for (var seated = 1; seated <= waiting.Length; seated++)
        {
            gate.Leave();
            while (Seated(order) < seated)
            {
                Ct.ThrowIfCancellationRequested();
                await Task.Yield();
            }
        }

        await Task.WhenAll(waiting);
        Assert.Equal(["flood", "jo", "al", "flood", "jo", "flood"], order);
        Assert.Equal(0, gate.Waiting);
    }

    [Fact]
    public async Task What_is_too_much_for_one_user_or_for_all_is_turned_away_at_once()
    {
        var gate = new FairGate(1, 2, 3, TimeSpan.FromSeconds(30), _time);
        Assert.True(await gate.EnterAsync("a", Ct));
        Task<bool>[] waiting = [gate.EnterAsync("a", Ct).AsTask(), gate.EnterAsync("a", Ct).AsTask()];
        Assert.False(await gate.EnterAsync("a", Ct));
        var other = gate.EnterAsync("b", Ct).AsTask();
        Assert.False(await gate.EnterAsync("c", Ct));
        gate.Leave();
        Assert.True(await waiting[0]);
        gate.Leave();
        Assert.True(await other);
        gate.Leave();
        Assert.True(await waiting[1]);
        gate.Leave();
        Assert.True(await gate.EnterAsync("d", Ct)); // the seat is free again
    }

    [Fact]
    public async Task Who_waits_too_long_or_goes_takes_no_seat()
    {
        var gate = new FairGate(1, 10, 10, TimeSpan.FromSeconds(30), _time);
        Assert.True(await gate.EnterAsync("a", Ct));
        using var gone = new CancellationTokenSource();
        var leaves = gate.EnterAsync("a", gone.Token).AsTask();
        var waits = gate.EnterAsync("b", Ct).AsTask();
        await gone.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => leaves);
        _time.Advance(TimeSpan.FromSeconds(31));
        Assert.False(await waits);
        Assert.Equal(0, gate.Waiting);
        gate.Leave();
        Assert.True(await gate.EnterAsync("c", Ct));
    }

    private static int Seated(List<string> order)
    {
        lock (order)
        {
            return order.Count;
        }
    }

    private static async Task InAsync(FairGate gate, string user, List<string> order)
    {
        Assert.True(await gate.EnterAsync(user, Ct));
        lock (order)
        {
            order.Add(user);
        }
    }
}
