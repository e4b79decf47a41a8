using System.Net.WebSockets;
using System.Security.Cryptography.X509Certificates;
using Google.Protobuf;
using Ote.Cluster.Identity;
using Ote.Cluster.Tunnel;
using Ote.Protocol.Tunnel;
using Ote.Testing.Meters;

namespace Ote.Tests.Cluster.Tunnel;

/// <summary>An authenticated child that sends rubbish loses its own link; another child's, the same for all attacks, stays.</summary>
public sealed class HostileFramesTests(HostileFramesTests.Besieged besieged) : IClassFixture<HostileFramesTests.Besieged>
{
    [Theory]
    [MemberData(nameof(HostilePackets.Attacks), MemberType = typeof(HostilePackets))]
    [Trait("Defect", "P1")]
    public async Task Hostile_bytes_end_only_the_link_they_came_by(string attack, string reason)
    {
        (TlsTree tree, ILink up) = (besieged.Tree, besieged.Good);
        string bad = attack.Replace(' ', '-');
        long before = besieged.Violations(reason);
        using ClientWebSocket socket = await AttachAsync(tree, bad);
        await tree.Root.NextAttached();
        (byte[] bytes, WebSocketMessageType type) = HostilePackets.Of(attack);
        await socket.SendAsync(bytes, type, true, TestContext.Current.CancellationToken);
        await LeaveAsync(socket); // else the parent waits a while for its last words to be taken
        (ILink lost, string why) = await tree.Root.NextDetached();
        Assert.Equal(bad, lost.Peer.Name);
        Assert.StartsWith(reason, why, StringComparison.Ordinal);
        Assert.Equal(before + 1, besieged.Violations(reason));

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
    [Trait("Defect", "S1")]
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
        private Counts? counts;

        internal TlsTree Tree { get; } = new();

        internal ILink Good { get; private set; } = null!;

        internal long Violations(string reason) => counts!.Of("ote.tunnel.violations", $"reason={reason}");

        public async ValueTask InitializeAsync()
        {
            counts = new Counts(Tree.Meters);

            // A single acknowledgement waits for the heartbeat.
            await Tree.StartAsync(new TunnelOptions { Heartbeat = TimeSpan.FromMilliseconds(200) });
            (EdgeTunnel good, Recorder side) = Tree.Child("good");
            Tree.Run(good);
            Good = (await side.NextAttached()).Link;
            await Tree.Root.NextAttached();
        }

        public ValueTask DisposeAsync()
        {
            counts?.Dispose();
            return Tree.DisposeAsync();
        }
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

    private static async Task<ClientWebSocket> AttachAsync(TlsTree tree, string name)
    {
        ClusterIdentity identity = tree.Authority.CreateIdentity(new PeerIdentity(name, "uid-" + name), []);
        ClientWebSocket socket = await DialAsync(tree, identity.Certificate);
        Hello hello = new() { Name = name, Uid = "uid-" + name, Epoch = 1, Protocol = 1, Incarnation = ByteString.CopyFrom(new byte[16]), Compressions = { Compression.Brotli } };
        await socket.SendAsync(HostilePackets.Packet(Frame.KindOneofCase.Hello, hello), WebSocketMessageType.Binary, true, CancellationToken.None);
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
