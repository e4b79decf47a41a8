using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Ote.Tests.Shim.Live;

/// <summary>An API server whose upgraded connections end as those of a command do: it tells much and how it ended, and then tells no more; it takes what still comes.</summary>
internal sealed class LastWordsServer : IAsyncDisposable
{
    private const int FrameBytes = 32 * 1024;
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _serving;

    public LastWordsServer(int bytes)
    {
        Told = Frames(bytes);
        _listener.Start();
        _serving = ServeAsync();
    }

    public Uri Address => new($"http://{_listener.LocalEndpoint}");

    /// <summary>All that it tells: data of the third stream of SPDY, and an end of the first.</summary>
    public byte[] Told { get; }

    /// <summary>Completes when it has told all.</summary>
    public TaskCompletionSource HasTold { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Stop();
        await _serving.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Dispose();
    }

    private static byte[] Frames(int bytes)
    {
        using var all = new MemoryStream();
        var random = new Random(1);
        var header = new byte[8];
        for (var left = bytes; left > 0; left -= FrameBytes)
        {
            var data = new byte[Math.Min(left, FrameBytes)];
            random.NextBytes(data);
            BinaryPrimitives.WriteInt32BigEndian(header, 3);
            BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), data.Length);
            all.Write(header);
            all.Write(data);
        }

        BinaryPrimitives.WriteInt32BigEndian(header, 1);
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), 1 << 24);
        all.Write(header);
        return all.ToArray();
    }

    private async Task ServeAsync()
    {
        while (true)
        {
            using var client = await _listener.AcceptTcpClientAsync(_stop.Token);
            var stream = client.GetStream();
            var head = new StringBuilder();
            var buffer = new byte[16 * 1024];
            while (!head.ToString().Contains("\r\n\r\n", StringComparison.Ordinal))
            {
                head.Append(Encoding.ASCII.GetString(buffer, 0, await stream.ReadAsync(buffer, _stop.Token)));
            }

            await stream.WriteAsync("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n"u8.ToArray(), _stop.Token);
            await stream.WriteAsync(Told, _stop.Token);
            client.Client.Shutdown(SocketShutdown.Send);
            HasTold.TrySetResult();
            try
            {
                while (await stream.ReadAsync(buffer, _stop.Token) > 0)
                {
                }
            }
            catch (IOException)
            {
                // Whoever it told has gone.
            }
        }
    }
}
