using System.Net;
using System.Net.WebSockets;
using System.Threading.Channels;
using Google.Protobuf;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Ote.Cluster.Identity;
using Ote.Cluster.Tunnel;
using Ote.Protocol.Tunnel;

namespace Ote.Tests.Cluster.Tunnel;

/// <summary>A parent with a good certificate of the tree that sends its child exactly what a test says.</summary>
internal sealed class ScriptedParent : IAsyncDisposable
{
    private readonly Channel<Guest> guests = Channel.CreateUnbounded<Guest>();
    private readonly CancellationTokenSource stop = new();
    private readonly WebApplication app;

    private ScriptedParent(IdentitySource identity)
    {
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration()
            .ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listener => listener.UseTunnelTls(identity)));
        app = builder.Build();
        app.UseWebSockets();
        app.Run(ServeAsync);
    }

    public Uri Address => new($"https://127.0.0.1:{new Uri(app.Urls.Single()).Port}");

    public static async Task<ScriptedParent> StartAsync(CertificateAuthority authority, CancellationToken ct)
    {
        ScriptedParent parent = new(new IdentitySource(authority.CreateIdentity(new PeerIdentity("root", "root-uid"), ["127.0.0.1"])));
        await parent.app.StartAsync(ct);
        return parent;
    }

    /// <summary>The next child that has said hello.</summary>
    public Task<Guest> NextAsync() => guests.Reader.ReadAsync().AsTask().Soon();

    public async ValueTask DisposeAsync()
    {
        await stop.CancelAsync();
        await app.DisposeAsync();
        stop.Dispose();
    }

    private async Task ServeAsync(HttpContext context)
    {
        using WebSocket socket = await context.WebSockets.AcceptWebSocketAsync();
        Guest guest = new(socket);
        try
        {
            await guest.HearHelloAsync();
            guests.Writer.TryWrite(guest);
            await guest.Left.WaitAsync(stop.Token);
        }
        catch (Exception e) when (e is WebSocketException or OperationCanceledException)
        {
            // The child went, or the test did.
        }
    }

    /// <summary>One attachment of the child.</summary>
    internal sealed class Guest(WebSocket socket)
    {
        private readonly TaskCompletionSource left = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Hello Hello { get; private set; } = null!;

        public Task Left => left.Task;

        public async Task HearHelloAsync() => Hello = Assert.Single(await FramesAsync()).Hello;

        public Task WelcomeAsync(Action<Welcome>? change = null)
        {
            Welcome welcome = new() { Name = "root", Path = { "root" }, Protocol = 1, Session = ByteString.CopyFrom(new byte[16]), Position = new Position { Beat = 1 }, Compression = Compression.Brotli };
            change?.Invoke(welcome);
            return SendAsync(HostilePackets.Packet(Frame.KindOneofCase.Welcome, welcome));
        }

        public Task SendAsync(byte[] packet, WebSocketMessageType type = WebSocketMessageType.Binary) =>
            socket.SendAsync(packet, type, true, CancellationToken.None).Soon();

        /// <summary>The next message the child has for its parent.</summary>
        public async Task<Message> NextMessageAsync()
        {
            while (true)
            {
                if ((await FramesAsync()).FirstOrDefault(frame => frame.Message is not null) is { } found) return found.Message;
            }
        }

        /// <summary>Waits until the child has said why it goes, and goes too.</summary>
        public async Task LeaveAsync()
        {
            while ((await FramesAsync()).Count > 0)
            {
                // Heartbeats, what it had to say, and the reason.
            }

            try
            {
                await socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, "", CancellationToken.None).Soon();
            }
            catch (WebSocketException)
            {
                // Cut off, which is as good.
            }

            left.TrySetResult();
        }

        // The frames of the next packet; none when the child has closed.
        private async Task<List<Frame>> FramesAsync()
        {
            byte[] buffer = new byte[70_000];
            try
            {
                WebSocketReceiveResult result = await socket.ReceiveAsync(buffer, CancellationToken.None).Soon();
                return result.MessageType == WebSocketMessageType.Close ? [] : Frames(buffer.AsSpan(0, result.Count));
            }
            catch (WebSocketException)
            {
                return [];
            }
        }

        private static List<Frame> Frames(ReadOnlySpan<byte> packet)
        {
            List<Frame> frames = [];
            FrameReader reader = new(packet);
            while (reader.TryRead(out Frame.KindOneofCase kind, out ReadOnlySpan<byte> body))
            {
                frames.Add(kind switch
                {
                    Frame.KindOneofCase.Hello => new Frame { Hello = Hello.Parser.ParseFrom(body) },
                    Frame.KindOneofCase.Message => new Frame { Message = Message.Parser.ParseFrom(body) },
                    _ => new Frame(),
                });
            }

            return frames;
        }
    }
}
