using System.Net;
using System.Net.Sockets;

namespace Ote.Testing.Links;

/// <summary>A TCP proxy on loopback that can go silent without closing: bytes are read and thrown away, as behind a dead router.</summary>
public sealed class SwallowingProxy : IAsyncDisposable
{
    private readonly TcpListener listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource stop = new();
    private readonly IPEndPoint target;
    private readonly Task accepting;
    private volatile bool silent;
    private volatile int generation;

    /// <summary>Listens on a port of its own.</summary>
    public SwallowingProxy(IPEndPoint target)
    {
        this.target = target;
        listener.Start();
        accepting = AcceptAsync();
    }

    /// <summary>Where to dial.</summary>
    public int Port => ((IPEndPoint)listener.LocalEndpoint).Port;

    /// <summary>From now on nothing gets through on the connections there are, and new ones find nobody.</summary>
    public void GoSilent() => silent = true;

    /// <summary>From now on nothing gets through on the connections there are; new ones pass.</summary>
    public void SwallowPresent() => Interlocked.Increment(ref generation);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await stop.CancelAsync().ConfigureAwait(false);
        await accepting.ConfigureAwait(false);
        listener.Dispose(); // only now: a stopped listener answers the next accept with an error of another kind
        stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        List<Task> pumps = [];
        try
        {
            while (true)
            {
                TcpClient outer = await listener.AcceptTcpClientAsync(stop.Token).ConfigureAwait(false);
                TcpClient inner = new();
                await inner.ConnectAsync(target, stop.Token).ConfigureAwait(false);
                pumps.Add(PumpAsync(outer, inner));
                pumps.Add(PumpAsync(inner, outer));
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException)
        {
            await Task.WhenAll(pumps).ConfigureAwait(false);
        }
    }

    private async Task PumpAsync(TcpClient from, TcpClient to)
    {
        byte[] buffer = new byte[16 * 1024];
        int born = generation;
        try
        {
            while (true)
            {
                int count = await from.GetStream().ReadAsync(buffer, stop.Token).ConfigureAwait(false);
                if (IsSilent() && count > 0) continue;
                if (count == 0) break;
                await to.GetStream().WriteAsync(buffer.AsMemory(0, count), stop.Token).ConfigureAwait(false);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or IOException or ObjectDisposedException or InvalidOperationException)
        {
            // Stopping, or one side is gone.
        }

        if (IsSilent() && !stop.IsCancellationRequested) return; // the other side must not learn of it
        from.Dispose();
        to.Dispose();

        bool IsSilent() => silent || born != generation;
    }
}
