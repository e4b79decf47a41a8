using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Ote.Cluster.Handling;
using Ote.Cluster.Journal;
using Ote.Cluster.Routing;
using Ote.Cluster.Streams;

namespace Ote.Tests.Cluster.Streams;

public sealed class AbsenceHandlerTests : IDisposable
{
    private readonly FakeTimeProvider _time = new();
    private readonly RouteKeeper _routes;
    private readonly Absences _absences;
    private readonly HttpMessageInvoker _invoker;
    private readonly CancellationTokenSource _user = new();
    private readonly Silent _sent = new();

    public AbsenceHandlerTests()
    {
        _routes = new RouteKeeper(new RouteEntry { Name = "root", Uid = "u-root", Online = true }, new MemoryJournal(), _time, NullLogger.Instance);
        _routes.Apply(t => t.ChildAttached(Entry(1)));
        _absences = new Absences(_routes, _time);
        _invoker = new HttpMessageInvoker(new AbsenceHandler(_absences, static _ => "c1", _sent));
    }

    [Theory]
    [InlineData("GET", false)]
    [InlineData("DELETE", true)]
    [InlineData("PATCH", true)]
    public async Task Who_waits_for_a_cluster_that_is_gone_is_told_so_and_of_a_write_that_nobody_knows(string method, bool isUndecided)
    {
        var waiting = SendAsync(method);
        _routes.Apply(t => t.ChildDetached("c1", 1));
        Assert.False(waiting.IsCompleted);
        _time.Advance(Absences.AnsweredWithin);
        var failed = await Assert.ThrowsAsync<HttpRequestException>(() => waiting);
        var refused = LivePool.Refusal(failed);
        Assert.NotNull(refused);
        Assert.Equal(isUndecided, refused.IsUndecided);
        Assert.Contains("c1 went away before it answered a " + method, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Who_waits_goes_on_waiting_over_a_link_that_is_made_anew()
    {
        var waiting = SendAsync("POST");
        _routes.Apply(t => t.ChildDetached("c1", 1));
        _time.Advance(Absences.AnsweredWithin / 2);
        _routes.Apply(t => t.ChildAttached(Entry(2)));
        _time.Advance(Absences.AnsweredWithin * 2);
        Assert.False(waiting.IsCompleted);
        await _user.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
    }

    [Theory]
    [InlineData("GET")]
    [InlineData("POST")]
    public async Task Who_comes_when_the_cluster_has_long_been_away_does_not_wait_and_nothing_is_sent(string method)
    {
        _routes.Apply(t => t.ChildDetached("c1", 1));
        _time.Advance(Absences.AnsweredWithin);
        var failed = await Assert.ThrowsAsync<HttpRequestException>(() => SendAsync(method));
        var refused = LivePool.Refusal(failed);
        Assert.NotNull(refused);
        Assert.False(refused.IsUndecided);
        Assert.Contains("c1 is away", refused.Message, StringComparison.Ordinal);
        Assert.Equal(0, _sent.Count);

        _routes.Apply(t => t.ChildAttached(Entry(2)));
        var waiting = SendAsync(method);
        Assert.False(waiting.IsCompleted);
        Assert.Equal(1, _sent.Count);
        await _user.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
    }

    public void Dispose()
    {
        _invoker.Dispose();
        _absences.Dispose();
        _sent.Dispose();
        _user.Dispose();
    }

    private Task<HttpResponseMessage> SendAsync(string method) => _invoker.SendAsync(new HttpRequestMessage(new HttpMethod(method), "http://x.c1/"), _user.Token);

    private static RouteEntry Entry(ulong epoch) => new() { Name = "c1", Uid = "uid-c1", Parent = "root", Online = true, Epoch = epoch, Managed = true };

    private sealed class Silent : HttpMessageHandler
    {
        public int Count { get; private set; }

        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            Count++;
            return new TaskCompletionSource<HttpResponseMessage>().Task.WaitAsync(cancellationToken);
        }
    }
}
