using System.Net.WebSockets;
using System.Security.Cryptography.X509Certificates;
using Google.Protobuf;
using Ote.Cluster.Identity;
using Ote.Cluster.Tunnel;
using Ote.Protocol.Tunnel;

namespace Ote.Tests.Cluster.Tunnel;

/// <summary>An authenticated child that sends rubbish loses its own link; another child's, the same for all attacks, stays.</summary>
public sealed class HostileFramesTests(HostileFramesTests.Besieged besieged) : IClassFixture<HostileFramesTests.Besieged>
{
    public static TheoryData<string, string> Attacks => new()
    {
        { "empty packet", "EmptyPacket" },
        { "random bytes", "Malformed" },
        { "truncated frame", "Malformed" },
        { "giant length", "Malformed" },
        { "text", "NotBinary" },
        { "packet above the limit", "PacketTooLarge" },
        { "empty message", "UnknownLane" },
        { "message without id", "BadMessageId" },
        { "unknown lane", "UnknownLane" },
        { "sequence gap", "SequenceGap" },
        { "second hello", "UnexpectedFrame" },
        { "ack of nothing", "AckBeyondSent" },
        { "giant announced message", "MessageTooLarge" },
        { "chunk from the middle", "BadChunk" },
        { "chunk beyond its total", "BadChunk" },
        { "empty chunk", "BadChunk" },
        { "message between chunks", "BadChunk" },
    };

    [Theory]
    [MemberData(nameof(Attacks))]
    public async Task Hostile_bytes_end_only_the_link_they_came_by(string attack, string reason)
    {
        (TlsTree tree, ILink up) = (besieged.Tree, besieged.Good);
        string bad = attack.Replace(' ', '-');
        using ClientWebSocket socket = await AttachAsync(tree, bad);
        await tree.Root.NextAttached();
        (byte[] bytes, WebSocketMessageType type) = Bytes(attack);
        await socket.SendAsync(bytes, type, true, TestContext.Current.CancellationToken);
        await LeaveAsync(socket); // else the parent waits a while for its last words to be taken
        (ILink lost, string why) = await tree.Root.NextDetached();
        Assert.Equal(bad, lost.Peer.Name);
        Assert.StartsWith(reason, why, StringComparison.Ordinal);

        await up.SendDurableAsync(TestMessages.Text("alive"), TestContext.Current.CancellationToken).Soon();
        Assert.True(up.IsUp);
        Assert.DoesNotContain(tree.Root.Events, e => e.StartsWith("m:", StringComparison.Ordinal) && e != "m:alive");
    }

    [Fact]
    public async Task Rubbish_instead_of_hello_registers_nothing()
    {
        await using TlsTree tree = await new TlsTree().StartAsync();
        ClusterIdentity identity = tree.Authority.CreateIdentity(new PeerIdentity("bad", "uid-bad"), []);
        using ClientWebSocket socket = await DialAsync(tree, identity.Certificate);
        await socket.SendAsync(new byte[] { 0xFF, 0xFF }, WebSocketMessageType.Binary, true, TestContext.Current.CancellationToken);
        await Assert.ThrowsAnyAsync<Exception>(async () =>
        {
            while ((await socket.ReceiveAsync(new byte[1000], TestContext.Current.CancellationToken)).MessageType != WebSocketMessageType.Close)
            {
                // the goodbye
            }

            throw new IOException("closed");
        });
        Assert.Empty(tree.Root.Events);
        Assert.Equal(0, tree.Cloud.LinkCount);
    }

    [Fact]
    public async Task Stranger_without_certificate_gets_no_further_than_the_door()
    {
        await using TlsTree tree = await new TlsTree().StartAsync();
        await Assert.ThrowsAsync<WebSocketException>(() => DialAsync(tree, null));
        using CertificateAuthority other = CertificateAuthority.Create(TimeProvider.System);
        await Assert.ThrowsAsync<WebSocketException>(() => DialAsync(tree, other.CreateIdentity(new PeerIdentity("c1", "u"), []).Certificate));
        Assert.Empty(tree.Root.Events);
    }

    /// <summary>A root with one well-behaved child.</summary>
    public sealed class Besieged : IAsyncLifetime
    {
        internal TlsTree Tree { get; } = new();

        internal ILink Good { get; private set; } = null!;

        public async ValueTask InitializeAsync()
        {
            // A single acknowledgement waits for the heartbeat.
            await Tree.StartAsync(new TunnelOptions { Heartbeat = TimeSpan.FromMilliseconds(200) });
            (EdgeTunnel good, Recorder side) = Tree.Child("good");
            Tree.Run(good);
            Good = (await side.NextAttached()).Link;
            await Tree.Root.NextAttached();
        }

        public ValueTask DisposeAsync() => Tree.DisposeAsync();
    }

    private static (byte[] Bytes, WebSocketMessageType Type) Bytes(string attack)
    {
        Message message = TestMessages.Text("x");
        message.Sequence = 1;
        message.Id = ByteString.CopyFrom(new byte[16]);
        Chunk chunk = new() { Lane = Lane.Bulk, Sequence = 1, TotalBytes = 10, Part = ByteString.CopyFrom(new byte[4]) };
        byte[] bytes = attack switch
        {
            "empty packet" => [],
            "random bytes" => [0xDE, 0xAD, 0xBE, 0xEF, 0xDE, 0xAD, 0xBE, 0xEF],
            "truncated frame" => [0x32, 0x10, 0x08],
            "giant length" => [0x32, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01],
            "text" => "hello"u8.ToArray(),
            "packet above the limit" => new byte[70_000],
            "empty message" => Packet(Frame.KindOneofCase.Message, new Message()),
            "message without id" => Packet(Frame.KindOneofCase.Message, With(message, m => m.Id = ByteString.Empty)),
            "unknown lane" => Packet(Frame.KindOneofCase.Message, With(message, m => m.Lane = (Lane)77)),
            "sequence gap" => Packet(Frame.KindOneofCase.Message, With(message, m => m.Sequence = 3)),
            "second hello" => Packet(Frame.KindOneofCase.Hello, new Hello { Name = "good" }),
            "ack of nothing" => Packet(Frame.KindOneofCase.Ack, new Ack { Received = { new LaneCursor { Lane = Lane.Work, Sequence = 5 } } }),
            "giant announced message" => Packet(Frame.KindOneofCase.Chunk, With(chunk, c => c.TotalBytes = uint.MaxValue)),
            "chunk from the middle" => Packet(Frame.KindOneofCase.Chunk, With(chunk, c => c.Index = 3)),
            "chunk beyond its total" => Packet(Frame.KindOneofCase.Chunk, With(chunk, c => c.TotalBytes = 3)),
            "empty chunk" => Packet(Frame.KindOneofCase.Chunk, With(chunk, c => c.Part = ByteString.Empty)),
            "message between chunks" => [.. Packet(Frame.KindOneofCase.Chunk, chunk), .. Packet(Frame.KindOneofCase.Message, With(message, m => m.Lane = Lane.Bulk))],
            _ => throw new ArgumentOutOfRangeException(nameof(attack), attack, null),
        };
        return (bytes, attack == "text" ? WebSocketMessageType.Text : WebSocketMessageType.Binary);
    }

    private static async Task LeaveAsync(ClientWebSocket socket)
    {
        try
        {
            while ((await socket.ReceiveAsync(new byte[4096], TestContext.Current.CancellationToken)).MessageType != WebSocketMessageType.Close)
            {
                // acknowledgements, and the reason
            }

            await socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, "", TestContext.Current.CancellationToken);
        }
        catch (WebSocketException)
        {
            // Cut off, which is as good.
        }
    }

    private static byte[] Packet(Frame.KindOneofCase kind, IMessage body) => FrameWriter.Packet(kind, body);

    private static T With<T>(T message, Action<T> change)
    {
        change(message);
        return message;
    }

    private static async Task<ClientWebSocket> AttachAsync(TlsTree tree, string name)
    {
        ClusterIdentity identity = tree.Authority.CreateIdentity(new PeerIdentity(name, "uid-" + name), []);
        ClientWebSocket socket = await DialAsync(tree, identity.Certificate);
        Hello hello = new() { Name = name, Uid = "uid-" + name, Epoch = 1, Protocol = 1, Incarnation = ByteString.CopyFrom(new byte[16]) };
        await socket.SendAsync(Packet(Frame.KindOneofCase.Hello, hello), WebSocketMessageType.Binary, true, CancellationToken.None);
        await socket.ReceiveAsync(new byte[4096], CancellationToken.None);
        return socket;
    }

    private static async Task<ClientWebSocket> DialAsync(TlsTree tree, X509Certificate2? certificate)
    {
        ClientWebSocket socket = new();
        socket.Options.Proxy = null;
        if (certificate is not null) socket.Options.ClientCertificates.Add(certificate);
#pragma warning disable CA5359 // A hostile client does not care whom it attacks.
        socket.Options.RemoteCertificateValidationCallback = static (_, _, _, _) => true;
#pragma warning restore CA5359
        try
        {
            await socket.ConnectAsync(new Uri($"wss://{tree.Address.Authority}/tunnel"), CancellationToken.None).Soon();
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
