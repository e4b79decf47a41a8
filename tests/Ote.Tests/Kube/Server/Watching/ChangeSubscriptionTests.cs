using System.Globalization;
using Ote.Kube.Server.Store;
using Ote.Kube.Server.Watching;

namespace Ote.Tests.Kube.Server.Watching;

public sealed class ChangeSubscriptionTests : IDisposable
{
    private const string Resource = "/configmaps";
    private readonly ChangeHub _hub = new(0, (_, fault) => throw fault);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _hub.Dispose();

    [Fact]
    public async Task AReaderThatWaits_IsWokenOnceForAllOfACommit()
    {
        using var subscription = _hub.Subscribe(Resource, 10);
        var waiting = subscription.WaitAsync(Token).AsTask();
        Assert.False(waiting.IsCompleted);
        _hub.Publish([Change(1), Change(2)], 2);
        Assert.True(await waiting.WaitAsync(Token));
        Assert.Equal([1L, 2L], Taken(subscription));
        Assert.False(subscription.WaitAsync(Token).AsTask().IsCompleted);
    }

    [Fact]
    public async Task ManyReaders_GetEachChangeOnceAndInOrder_WhileTheyWaitAndAreWoken()
    {
        const int Readers = 100;
        const int Changes = 500;
        var subscriptions = Enumerable.Range(0, Readers).Select(_ => _hub.Subscribe(Resource, Changes)).ToList();
        var reading = subscriptions.Select(subscription => Task.Run(
            async () =>
            {
                var seen = new List<long>();
                while (seen.Count < Changes && await subscription.WaitAsync(Token))
                {
                    seen.AddRange(Taken(subscription));
                }

                return seen;
            },
            Token)).ToList();
        for (var revision = 1; revision <= Changes; revision++)
        {
            _hub.Publish([Change(revision)], revision);
            await Task.Yield();
        }

        foreach (var seen in await Task.WhenAll(reading).WaitAsync(Token))
        {
            Assert.Equal(Enumerable.Range(1, Changes).Select(i => (long)i), seen);
        }

        subscriptions.ForEach(subscription => subscription.Dispose());
        Assert.Equal(0, _hub.Count);
    }

    [Fact]
    public async Task AReaderThatIsBusy_IsCutOffWhenItsBufferIsFull_AndHoldsNobodyBack()
    {
        using var busy = _hub.Subscribe(Resource, 3);
        using var other = _hub.Subscribe(Resource, 3);
        var writes = new TaskCompletionSource();
        var reading = Task.Run(
            async () =>
            {
                await busy.WaitAsync(Token);
                await writes.Task; // to a client that does not read
            },
            Token);
        for (var revision = 1; revision <= 4; revision++)
        {
            var waiting = other.WaitAsync(Token).AsTask();
            _hub.Publish([Change(revision)], revision);
            Assert.True(await waiting.WaitAsync(Token));
            Assert.Equal([(long)revision], Taken(other));
        }

        Assert.Equal((ChangeSubscription.End.Overrun, ChangeSubscription.End.Open), (busy.Ended, other.Ended));
        Assert.Equal([1L, 2L, 3L], Taken(busy));
        Assert.False(await busy.WaitAsync(Token));
        writes.SetResult();
        await reading;
    }

    [Fact]
    public async Task AWaitThatIsCancelled_SaysByWhat_AndTheNextOneWaitsAgain()
    {
        using var subscription = _hub.Subscribe(Resource, 3);
        using var cancelling = CancellationTokenSource.CreateLinkedTokenSource(Token);
        var waiting = subscription.WaitAsync(cancelling.Token).AsTask();
        await cancelling.CancelAsync();
        var cancelled = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
        Assert.Equal(cancelling.Token, cancelled.CancellationToken);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => subscription.WaitAsync(cancelling.Token).AsTask());
        var again = subscription.WaitAsync(Token).AsTask();
        _hub.Publish([Change(1)], 1);
        Assert.True(await again.WaitAsync(Token));
    }

    [Fact]
    public async Task TheEndOfTheKind_EndsAWait()
    {
        using var subscription = _hub.Subscribe(Resource, 3);
        var waiting = subscription.WaitAsync(Token).AsTask();
        _hub.Close(Resource);
        Assert.False(await waiting.WaitAsync(Token));
        Assert.Equal(ChangeSubscription.End.Closed, subscription.Ended);
    }

    [Fact]
    public async Task APoke_WakesWithANull_AndIsDroppedWhereThereIsNoRoom()
    {
        using var subscription = _hub.Subscribe(Resource, 1);
        var waiting = subscription.WaitAsync(Token).AsTask();
        subscription.Poke();
        Assert.True(await waiting.WaitAsync(Token));
        subscription.Poke();
        Assert.Equal(ChangeSubscription.End.Open, subscription.Ended);
        Assert.True(subscription.TryTake(out var note));
        Assert.Null(note);
        Assert.True(subscription.IsEmpty);
    }

    private static List<long> Taken(ChangeSubscription subscription)
    {
        List<long> revisions = [];
        while (subscription.TryTake(out var change))
        {
            revisions.Add(change!.Revision);
        }

        return revisions;
    }

    private static Change Change(long revision) =>
        new(revision, ChangeKind.Added, new StoreKey(Resource, "default", revision.ToString(CultureInfo.InvariantCulture)), [], null);
}
