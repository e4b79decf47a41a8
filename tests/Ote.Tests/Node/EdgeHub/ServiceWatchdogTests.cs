using System.Net.Sockets;
using System.Text;
using Microsoft.Extensions.Time.Testing;
using Ote.Node.EdgeHub;
using Ote.Testing.Kubernetes;

namespace Ote.Tests.Node.EdgeHub;

public sealed class ServiceWatchdogTests : IDisposable
{
    private readonly Scratch _folder = new("watchdog");
    private readonly FakeTimeProvider _time = new();
    private readonly Socket _systemd = new(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
    private readonly string _socket;

    public ServiceWatchdogTests()
    {
        _socket = _folder["notify"];
        _systemd.Bind(new UnixDomainSocketEndPoint(_socket));
    }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _systemd.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task It_is_told_three_times_within_the_time_that_systemd_gives()
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Token);
        var running = Of("60000000", "7", 7)!.RunAsync(() => { }, _time, stop.Token);
        Assert.Equal("WATCHDOG=1", await HeardAsync());
        var next = HeardAsync();
        while (!next.IsCompleted)
        {
            _time.Advance(TimeSpan.FromSeconds(1));
            await Task.Yield();
        }

        Assert.Equal("WATCHDOG=1", await next);
        await stop.CancelAsync();
        await running;
    }

    [Fact]
    public async Task A_hub_in_which_nobody_gets_on_is_silent()
    {
        using var never = new ManualResetEventSlim();
        using var looked = new SemaphoreSlim(0);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Token);
        var running = Of("60000000", null, 7)!.RunAsync(
            () =>
            {
                looked.Release();
                never.Wait(Token);
            },
            _time, stop.Token);
        await looked.WaitAsync(Token);
        _time.Advance(TimeSpan.FromMinutes(5));
        Assert.Equal(0, _systemd.Available);
        await stop.CancelAsync();
        never.Set();
        await running;
    }

    [Theory]
    [InlineData(null, null)]
    [InlineData("0", null)]
    [InlineData("x", null)]
    [InlineData("60000000", "8")] // another process's
    public void Nothing_is_told_where_nobody_asked_for_it(string? micros, string? process) => Assert.Null(Of(micros, process, 7));

    private ServiceWatchdog? Of(string? micros, string? whose, int process) =>
        ServiceWatchdog.Of(name => name switch { "NOTIFY_SOCKET" => _socket, "WATCHDOG_USEC" => micros, "WATCHDOG_PID" => whose, _ => null }, process);

    private async Task<string> HeardAsync()
    {
        var buffer = new byte[64];
        return Encoding.UTF8.GetString(buffer, 0, await _systemd.ReceiveAsync(buffer, Token));
    }
}
