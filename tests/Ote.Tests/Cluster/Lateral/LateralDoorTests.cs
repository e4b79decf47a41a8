using System.Security.Cryptography.X509Certificates;
using Google.Protobuf;
using Ote.Cluster.Identity;
using Ote.Cluster.Tunnel;
using Ote.Protocol.Tunnel;
using Ote.Testing.Links;
using Ote.Tests.Cluster.Issuing;
using Ote.Tests.Cluster.Tunnel;

namespace Ote.Tests.Cluster.Lateral;

/// <summary>Who gets as far as being asked about a lateral link.</summary>
public sealed class LateralDoorTests : IDisposable
{
    private static readonly PeerIdentity peer = new("shop-1", "u-1");
    private readonly CertificateAuthority root = CertificateAuthority.Create(TimeProvider.System);

    public void Dispose() => root.Dispose();

    [Fact]
    public async Task Cluster_that_the_root_has_not_admitted_has_no_lateral_links_whoever_its_issuer_says_that_it_is()
    {
        ClusterIdentity north = root.CreateIdentity(new PeerIdentity("north", "u-north"), []);
        IssuerGrant grant = IssuerGrant.Make("g", north.Peer, "shop-*", TimeProvider.System.GetUtcNow().AddDays(1), TimeSpan.FromHours(1), [root]);
        (bool asked, Frame answer) = await AskAsync(Leaves.Provisional(north, grant, peer).Certificate);
        Assert.False(asked);
        Assert.Equal(Refuse.Types.Reason.NotAccepted, answer.Refuse.Reason);
        Assert.Contains("the root has not admitted shop-1", answer.Refuse.Text, StringComparison.Ordinal);

        Assert.True((await AskAsync(root.CreateIdentity(peer, []).Certificate)).Asked);
    }

    private static async Task<(bool Asked, Frame Answer)> AskAsync(X509Certificate2 certificate)
    {
        await using MemoryTree tree = new();
        Door door = new();
        tree.Cloud.Lateral = door;
        MemoryLink link = new(tree.Time, static () => 0.5);
        Task serving = tree.Cloud.ServeAsync(link.Parent, peer, certificate);
        Hello hello = new() { Name = peer.Name, Uid = peer.Uid, Incarnation = ByteString.CopyFrom(new byte[16]), Epoch = 1, Protocol = ProtocolLimits.Version };
        await link.Child.SendAsync(FrameWriter.Packet(Frame.KindOneofCase.Lateral, hello), TestContext.Current.CancellationToken);
        Frame answer = await Channels.ReadSingleAsync(link.Child, TimeSpan.FromSeconds(10), tree.Time, TestContext.Current.CancellationToken);
        link.Cut();
        await tree.While(EndAsync());
        return (door.Asked, answer);

        async Task<bool> EndAsync()
        {
            await serving;
            return true;
        }
    }

    private sealed class Door : ILateralDoor
    {
        public bool Asked { get; private set; }

        public async Task<Link?> AnswerAsync(IPacketChannel channel, PeerIdentity who, Hello hello)
        {
            Asked = true;
            await channel.SendAsync(FrameWriter.Packet(Frame.KindOneofCase.Close, new Close { Reason = "asked" }), TestContext.Current.CancellationToken);
            return null;
        }
    }
}
