using System.Diagnostics.Metrics;
using System.Net.Sockets;
using Microsoft.Extensions.Time.Testing;
using Ote.Cluster.Tunnel;

namespace Ote.Tests.Cluster.Tunnel;

public sealed class HandshakeGateTests : IDisposable
{
    private readonly FakeTimeProvider time = new();
    private readonly Meter meter = new("test");
    private readonly HandshakeGate gate;

    public HandshakeGateTests() => gate = new HandshakeGate(2, time, meter.CreateUpDownCounter<long>("waiting"));

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public void Dispose() => meter.Dispose();

    [Fact]
    public async Task Beyond_the_slots_the_newest_goes_first()
    {
        HandshakeGate.Turn first = (await gate.EnterAsync(Ct))!;
        HandshakeGate.Turn second = (await gate.EnterAsync(Ct))!;
        Task<HandshakeGate.Turn?> older = gate.EnterAsync(Ct).AsTask(), newer = gate.EnterAsync(Ct).AsTask();
        Assert.False(older.IsCompleted || newer.IsCompleted);
        first.Leave();
        first.Leave(); // once more changes nothing
        Assert.NotNull(await newer.Soon());
        Assert.False(older.IsCompleted);
        second.Leave();
        Assert.NotNull(await older.Soon());
    }

    [Fact]
    public async Task Who_has_left_takes_no_turn()
    {
        HandshakeGate.Turn first = (await gate.EnterAsync(Ct))!;
        HandshakeGate.Turn second = (await gate.EnterAsync(Ct))!;
        Task<HandshakeGate.Turn?> stays = gate.EnterAsync(Ct).AsTask();
        using CancellationTokenSource gone = new();
        Task<HandshakeGate.Turn?> leaves = gate.EnterAsync(gone.Token).AsTask();
        await gone.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => leaves.Soon());
        first.Leave();
        (await stays.Soon())!.Leave();
        second.Leave();

        // Both slots are there again, and no more.
        Assert.NotNull(await gate.EnterAsync(Ct));
        Assert.NotNull(await gate.EnterAsync(Ct));
        Assert.False(gate.EnterAsync(Ct).AsTask().IsCompleted);
    }

    [Fact]
    public async Task A_handshake_that_takes_too_long_holds_nobody_up()
    {
        HandshakeGate.Turn slow = (await gate.EnterAsync(Ct))!;
        Assert.NotNull(await gate.EnterAsync(Ct));
        Task<HandshakeGate.Turn?> next = gate.EnterAsync(Ct).AsTask(), last = gate.EnterAsync(Ct).AsTask(), over = gate.EnterAsync(Ct).AsTask();
        time.Advance(HandshakeGate.LongestTurn - TimeSpan.FromMilliseconds(1));
        Assert.False(over.IsCompleted);
        time.Advance(TimeSpan.FromMilliseconds(1));
        Assert.NotNull(await over.Soon());
        Assert.NotNull(await last.Soon());
        slow.Leave(); // too late to free anything
        Assert.False(next.IsCompleted);
    }

    [Fact]
    public async Task A_connection_that_says_nothing_does_not_keep_a_child_out()
    {
        await using TlsTree tree = await new TlsTree().StartAsync(new TunnelOptions { MaxHandshakes = 1 });
        using TcpClient silent = new();
        await silent.ConnectAsync(tree.EndPoint, Ct);
        (EdgeTunnel child, Recorder edge) = tree.Child("c1");
        (EdgeTunnel other, Recorder otherEdge) = tree.Child("c2");
        tree.Run(child);
        await edge.NextAttached();
        tree.Run(other); // the first one's turn has ended with its handshake, though its connection lives on
        await otherEdge.NextAttached();
    }
}
