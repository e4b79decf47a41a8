using System.Net.WebSockets;
using Microsoft.Extensions.Time.Testing;
using Ote.Shim.Live;
using Ote.Tests.Cluster.Tunnel;

namespace Ote.Tests.Shim.Live;

/// <summary>What was told before a connection could not be written into any more is read to its end.</summary>
public sealed class UpgradedStreamTests
{
    private readonly FakeTimeProvider _time = new();

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_lies_in_a_connection_that_takes_no_more_is_read_to_its_end()
    {
        await using var stream = new UpgradedStream(new Deaf([1, 2, 3], endsThere: true), _time);
        await stream.WriteAsync(new byte[10], Ct);
        await stream.WriteAsync(new byte[10], Ct); // goes nowhere, and holds up nobody
        var buffer = new byte[2];
        Assert.Equal(2, await stream.ReadAsync(buffer, Ct));
        Assert.Equal(1, await stream.ReadAsync(buffer, Ct));
        Assert.Equal(0, await stream.ReadAsync(buffer, Ct));
    }

    [Fact]
    public async Task One_that_takes_no_more_and_of_which_nothing_comes_has_ended_soon()
    {
        await using var stream = new UpgradedStream(new Deaf([1], endsThere: false), _time);
        var buffer = new byte[2];
        Assert.Equal(1, await stream.ReadAsync(buffer, Ct));
        var reading = stream.ReadAsync(buffer, Ct).AsTask();
        _time.Advance(2 * UpgradedStream.Farewell);
        Assert.False(reading.IsCompleted); // as long as it takes what is written, it may be silent
        await stream.WriteAsync(new byte[10], Ct);
        _time.Advance(UpgradedStream.Farewell);
        Assert.Equal(0, await reading.Soon());
    }

    [Fact]
    public async Task A_reader_that_takes_its_time_reads_all_of_it()
    {
        await using var stream = new UpgradedStream(new Deaf([1, 2, 3], endsThere: true), _time);
        var buffer = new byte[2];
        Assert.Equal(2, await stream.ReadAsync(buffer, Ct));
        await stream.WriteAsync(new byte[10], Ct);
        _time.Advance(10 * UpgradedStream.Farewell); // its own reader takes no more as yet
        Assert.Equal(1, await stream.ReadAsync(buffer, Ct));
        _time.Advance(10 * UpgradedStream.Farewell);
        Assert.Equal(0, await stream.ReadAsync(buffer, Ct));
    }

    /// <summary>Takes nothing.</summary>
    private sealed class Deaf(byte[] told, bool endsThere) : MemoryStream(told)
    {
        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            var read = await base.ReadAsync(buffer, cancellationToken);
            if (read == 0 && !endsThere)
            {
                await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, cancellationToken);
            }

            return read;
        }

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) => throw new WebSocketException("gone");
    }
}
