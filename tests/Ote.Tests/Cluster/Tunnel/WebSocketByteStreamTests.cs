using System.Net.WebSockets;
using Microsoft.Extensions.Time.Testing;
using Ote.Cluster.Streams;
using Ote.Cluster.Tunnel;

namespace Ote.Tests.Cluster.Tunnel;

public sealed class WebSocketByteStreamTests : IDisposable
{
    private readonly FakeTimeProvider _time = new();
    private readonly WebSocketByteStream _one;
    private readonly WebSocketByteStream _other;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public WebSocketByteStreamTests()
    {
        var (here, there) = DuplexPair.Create();
        _one = new WebSocketByteStream(WebSocket.CreateFromStream(here, new WebSocketCreationOptions { IsServer = true }), _time);
        _other = new WebSocketByteStream(WebSocket.CreateFromStream(there, new WebSocketCreationOptions()), _time);
    }

    [Fact]
    public async Task A_read_that_is_given_up_loses_nothing()
    {
        using var patience = new CancellationTokenSource();
        var buffer = new byte[100];
        var reading = _other.ReadAsync(buffer, patience.Token).AsTask();
        await patience.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => reading);
        await _one.WriteAsync(new byte[] { 1, 2, 3 }, Ct);
        Assert.Equal(2, await _other.ReadAsync(buffer.AsMemory(0, 2), Ct));
        Assert.Equal(1, await _other.ReadAsync(buffer, Ct));
        Assert.Equal(3, buffer[0]);
    }

    [Fact]
    public async Task An_orderly_end_comes_after_all_that_was_written_and_waits_until_the_other_side_has_ended_too()
    {
        await _one.WriteAsync(new byte[10], Ct);
        var ending = _one.DisposeAsync().AsTask();
        var buffer = new byte[100];
        await _other.WriteAsync(buffer, Ct); // is read by nobody, and in nobody's way
        Assert.Equal(10, await _other.ReadAsync(buffer, Ct));
        Assert.Equal(0, await _other.ReadAsync(buffer, Ct));
        Assert.False(_one.Closed.IsCompleted);
        await _other.DisposeAsync();
        await ending.Soon();
        Assert.True(_one.Closed.IsCompleted);
    }

    [Fact]
    public async Task The_other_sides_end_is_not_waited_for_without_a_bound()
    {
        var ending = _one.DisposeAsync().AsTask();
        Assert.False(ending.IsCompleted);
        _time.Advance(WebSocketByteStream.Linger);
        await ending.Soon();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_read_under_way_when_this_side_breaks_is_told_a_break(bool mayBeGivenUp)
    {
        using var never = new CancellationTokenSource();
        var reading = _one.ReadAsync(new byte[1], mayBeGivenUp ? never.Token : CancellationToken.None).AsTask();
        _one.Dispose();
        await Assert.ThrowsAsync<IOException>(() => reading.Soon());
    }

    [Fact]
    public async Task A_break_is_no_end()
    {
        var reading = _other.ReadAsync(new byte[1], Ct).AsTask();
        await _one.WriteAsync(new byte[1], Ct);
        Assert.Equal(1, await reading);
        reading = _other.ReadAsync(new byte[1], Ct).AsTask();
        _one.Dispose();
        await Assert.ThrowsAsync<IOException>(() => reading);
        await Assert.ThrowsAsync<IOException>(() => _one.WriteAsync(new byte[1], Ct).AsTask());
    }

    public void Dispose()
    {
        _one.Dispose();
        _other.Dispose();
    }
}
