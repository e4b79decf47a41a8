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
    private readonly RouteKeeper _routes;
    private readonly StreamDesk _desk;
    private readonly TaskCompletionSource _hasAsked = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private string _asked = "";

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public StreamDeskTests()
    {
        _routes = new RouteKeeper(new RouteEntry { Name = "root", Uid = "u-root", Online = true }, new MemoryJournal(), _time, NullLogger.Instance);
        _routes.Apply(t => t.ChildAttached(Entry(1)));
        var link = new FakeLink("c1") { Trying = Ask };
        _live = new LiveServer("root", null, () => throw new NotSupportedException(), null, _time, NullLoggerFactory.Instance);
        _desk = new StreamDesk(_routes, _ => link, (_, _) => throw new NotSupportedException(), _live, new Absences(_routes, _time), _time, NullLogger.Instance, _stop.Token);
    }

    [Fact]
    public async Task A_stream_that_is_dialled_as_nobody_wants_it_any_more_is_closed_and_one_that_was_taken_is_not()
    {
        var (taken, given) = (0, 0);
        for (var round = 0; round < 300; round++)
        {
            using var patience = new CancellationTokenSource();
            await using var dialled = new QuietStream();
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
        await using var foreign = new QuietStream();
        await _desk.ServeAsync(_asked, new PeerIdentity("evil", "u"), foreign).Soon();
        Assert.True(foreign.Closed.IsCompleted);
        Assert.False(opening.IsCompleted);

        _time.Advance(StreamDesk.Patience);
        var late = await Assert.ThrowsAsync<StreamRefusedException>(() => opening);
        Assert.Contains("20 s", late.Message, StringComparison.Ordinal);
        await using var dialled = new QuietStream();
        await _desk.ServeAsync(_asked, Child, dialled).Soon();
        Assert.True(dialled.Closed.IsCompleted);
    }

    [Fact]
    public async Task A_cluster_that_goes_away_is_not_waited_for_any_longer()
    {
        var opening = _desk.OpenAsync("c1", new Requester { User = "alice" }, Ct);
        _routes.Apply(t => t.ChildDetached("c1", 1));
        _time.Advance(Absences.WaitsFor);
        var away = await Assert.ThrowsAsync<StreamRefusedException>(() => opening);
        Assert.Contains("went away", away.Message, StringComparison.Ordinal);
        Assert.False(_desk.IsAwaited(_asked, Child));
    }

    [Fact]
    public async Task Of_a_write_that_still_waits_for_its_stream_it_is_known_that_it_was_not_sent()
    {
        using var absences = new Absences(_routes, _time);
        using var pool = new LivePool(_desk.OpenAsync, absences);
        using var http = new HttpMessageInvoker(pool.Handler, disposeHandler: false);
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(pool.AddressOf("c1", new Requester { User = "alice" }), "api/v1/namespaces"));
        var asked = _hasAsked.Task;
        var waiting = http.SendAsync(request, Ct);
        await asked.Soon();
        _routes.Apply(t => t.ChildDetached("c1", 1));
        _time.Advance(Absences.WaitsFor);
        var refused = LivePool.Refusal(await Assert.ThrowsAsync<HttpRequestException>(() => waiting.Soon()));
        Assert.Contains("went away while it was asked for a stream", refused?.Message, StringComparison.Ordinal);
        Assert.False(refused!.IsUndecided);
    }

    [Fact]
    public async Task A_stream_outlives_a_link_that_is_made_anew_and_ends_when_its_cluster_stays_away()
    {
        var opening = _desk.OpenAsync("c1", new Requester { User = "alice" }, Ct);
        await using var dialled = new QuietStream();
        var serving = _desk.ServeAsync(_asked, Child, dialled);
        var stream = (ByteStream)await opening;

        _routes.Apply(t => t.ChildDetached("c1", 1));
        _time.Advance(Absences.KeptFor - TimeSpan.FromSeconds(1));
        _routes.Apply(t => t.ChildAttached(Entry(2)));
        _time.Advance(Absences.KeptFor);
        Assert.False(stream.Closed.IsCompleted);

        _routes.Apply(t => t.ChildDetached("c1", 2));
        _time.Advance(Absences.KeptFor);
        await stream.Closed.Soon();
        await serving.Soon();
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _live.DisposeAsync();
        _stop.Dispose();
    }

    private static RouteEntry Entry(ulong epoch) => new() { Name = "c1", Uid = Child.Uid, Parent = "root", Online = true, Epoch = epoch, Managed = true };

    /// <summary>Nothing comes of it.</summary>
    private sealed class QuietStream : ByteStream
    {
        public override Task FinishAsync(CancellationToken ct) => Task.CompletedTask;

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => ValueTask.FromResult(0);

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) => ValueTask.CompletedTask;
    }

    private bool Ask(Message message)
    {
        _asked = Convert.ToHexStringLower(message.OpenStream.Id.Span);
        _hasAsked.TrySetResult();
        return true;
    }
}
