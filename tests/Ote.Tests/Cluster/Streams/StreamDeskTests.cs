using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Ote.Cluster.Handling;
using Ote.Cluster.Journal;
using Ote.Cluster.Streams;
using Ote.Cluster.Tunnel;
using Ote.Protocol.Tunnel;
using Ote.Tests.Cluster.Handling;
using Ote.Tests.Cluster.Tunnel;
using RouteEntry = Ote.Cluster.Routing.RouteEntry;

namespace Ote.Tests.Cluster.Streams;

public sealed class StreamDeskTests : IAsyncDisposable
{
    private static readonly PeerIdentity Child = new("c1", "uid-c1");
    private readonly FakeTimeProvider _time = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly LiveServer _live;
    private readonly StreamDesk _desk;
    private string _asked = "";

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public StreamDeskTests()
    {
        var routes = new RouteKeeper(new RouteEntry { Name = "root", Uid = "u-root", Online = true }, new MemoryJournal(), _time, NullLogger.Instance);
        routes.Apply(t => t.ChildAttached(new RouteEntry { Name = "c1", Uid = Child.Uid, Parent = "root", Online = true, Epoch = 1, Managed = true }));
        var link = new FakeLink("c1") { Trying = Ask };
        _live = new LiveServer("root", null, () => throw new NotSupportedException(), null, _time, NullLoggerFactory.Instance);
        _desk = new StreamDesk(routes, _ => link, (_, _) => throw new NotSupportedException(), _live, _time, NullLogger.Instance, _stop.Token);
    }

    [Fact]
    public async Task A_stream_that_is_dialled_as_nobody_wants_it_any_more_is_closed_and_one_that_was_taken_is_not()
    {
        var (taken, given) = (0, 0);
        for (var round = 0; round < 300; round++)
        {
            using var patience = new CancellationTokenSource();
            await using var dialled = new OwnedStream(new MemoryStream());
            var opening = _desk.OpenAsync("c1", new Requester { User = "alice" }, patience.Token);
            var id = _asked;
            var serving = Task.Run(() => _desk.ServeAsync(id, Child, dialled), Ct);
            var giving = Task.Run(patience.Cancel, Ct);
            try
            {
                await using var stream = await opening;
                taken++;
                Assert.False(dialled.Closed.IsCompleted);
            }
            catch (OperationCanceledException)
            {
                given++;
            }

            await giving;
            await serving.Soon(); // it is closed, by whoever took it or by the desk
            Assert.True(dialled.Closed.IsCompleted);
            Assert.False(_desk.IsAwaited(id, Child));
        }

        Assert.Equal(300, taken + given);
    }

    [Fact]
    public async Task A_stream_that_comes_too_late_is_closed_and_another_childs_is_not_taken()
    {
        var opening = _desk.OpenAsync("c1", new Requester { User = "alice" }, Ct);
        await using var foreign = new OwnedStream(new MemoryStream());
        await _desk.ServeAsync(_asked, new PeerIdentity("evil", "u"), foreign).Soon();
        Assert.True(foreign.Closed.IsCompleted);
        Assert.False(opening.IsCompleted);

        _time.Advance(StreamDesk.Patience);
        var late = await Assert.ThrowsAsync<StreamRefusedException>(() => opening);
        Assert.Contains("20 s", late.Message, StringComparison.Ordinal);
        await using var dialled = new OwnedStream(new MemoryStream());
        await _desk.ServeAsync(_asked, Child, dialled).Soon();
        Assert.True(dialled.Closed.IsCompleted);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _live.DisposeAsync();
        _stop.Dispose();
    }

    private bool Ask(Message message)
    {
        _asked = Convert.ToHexStringLower(message.OpenStream.Id.Span);
        return true;
    }
}
