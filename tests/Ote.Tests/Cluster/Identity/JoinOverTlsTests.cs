using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Google.Protobuf;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Ote.Cluster.Identity;
using Ote.Cluster.Tunnel;
using Ote.Kube.Resources;
using Ote.Protocol.Tunnel;
using Ote.Tests.Cluster.Tunnel;

namespace Ote.Tests.Cluster.Identity;

/// <summary>Joining over real TLS, with the root's decision made by the pure rules.</summary>
public sealed class JoinOverTlsTests : IDisposable
{
    private readonly string directory = Directory.CreateTempSubdirectory("ote-join-").FullName;
    private readonly JoinTokenText token = JoinTokenText.Create(RandomNumberGenerator.Fill);
    private readonly HashSet<string> used = [];
    private bool autoAccept = true;
    private bool approved;
    private DateTimeOffset? expires;
    private int asked;

    public void Dispose() => Directory.Delete(directory, recursive: true);

    [Fact]
    public async Task Token_and_pin_bring_an_identity_that_attaches()
    {
        await using TlsTree tree = await StartAsync();
        ClusterIdentity identity = await JoinAsync(tree, tree.Authority.Pin, token.Reveal());
        Assert.Equal(new PeerIdentity("c1", "uid-1"), identity.Peer);
        Assert.Equal(identity.Peer, ClusterIdentity.Load(directory)!.Peer);
        Assert.All(Directory.GetFiles(directory), file => Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file)));
        (EdgeTunnel child, Recorder edge) = tree.Child("c1", identity: ClusterIdentity.Load(directory));
        tree.Run(child);
        Assert.Equal("root", (await edge.NextAttached()).Link.Peer.Name);
        Assert.Equal(identity.Peer, (await tree.Root.NextAttached()).Link.Peer);
    }

    [Fact]
    public async Task Wrong_pin_stops_before_the_token_is_sent()
    {
        await using TlsTree tree = await StartAsync();
        using CertificateAuthority other = CertificateAuthority.Create(TimeProvider.System);
        JoinRefusedException refused = await Assert.ThrowsAsync<JoinRefusedException>(() => JoinAsync(tree, other.Pin, token.Reveal()));
        Assert.Contains("The token was not sent", refused.Message, StringComparison.Ordinal);
        Assert.Empty(used);
    }

    [Theory]
    [InlineData(true, "is not trusted by the tree's CA")]
    [InlineData(false, "is not for 127.0.0.1")]
    public async Task Who_tells_the_right_authority_but_holds_no_certificate_of_it_for_this_host_never_sees_the_token(bool foreign, string why)
    {
        await using TlsTree tree = await StartAsync();
        using CertificateAuthority other = CertificateAuthority.Create(TimeProvider.System);
        ClusterIdentity shown = (foreign ? other : tree.Authority).CreateIdentity(new PeerIdentity("root", "root-uid"), [foreign ? "127.0.0.1" : "elsewhere"]);
        tree.RootIdentity.Replace(new ClusterIdentity(shown.Certificate, tree.Authority.Authority));
        JoinRefusedException refused = await Assert.ThrowsAsync<JoinRefusedException>(() => JoinAsync(tree, tree.Authority.Pin, token.Reveal()));
        Assert.Contains(why, refused.Message, StringComparison.Ordinal);
        Assert.Contains("The token was not sent", refused.Message, StringComparison.Ordinal);
        Assert.Equal(0, asked);
    }

    [Fact]
    public async Task Wrong_secret_and_expired_token_are_refused_with_the_reason()
    {
        await using TlsTree tree = await StartAsync();
        JoinRefusedException wrong = await Assert.ThrowsAsync<JoinRefusedException>(() => JoinAsync(tree, tree.Authority.Pin, token.Id + "." + new string('a', 32)));
        Assert.Contains("not valid", wrong.Message, StringComparison.Ordinal);
        expires = DateTimeOffset.UnixEpoch;
        JoinRefusedException late = await Assert.ThrowsAsync<JoinRefusedException>(() => JoinAsync(tree, tree.Authority.Pin, token.Reveal()));
        Assert.Contains("ended at 1970", late.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Pending_cluster_waits_until_it_is_approved_and_uses_the_token_once()
    {
        autoAccept = false;
        await using TlsTree tree = await StartAsync();
        Task<ClusterIdentity> joining = JoinAsync(tree, tree.Authority.Pin, token.Reveal());
        while (used.Count == 0) await Task.Yield();
        Assert.False(joining.IsCompleted);
        approved = true;
        Assert.Equal("c1", (await joining.Soon()).Peer.Name);
        Assert.Single(used);
    }

    [Fact]
    public async Task Cluster_that_cannot_be_answered_now_hears_why_but_never_what_went_wrong_inside()
    {
        Exception[] faults = [new JoinLaterException("north does not reach the root now"), new InvalidOperationException("secrets of the house")];
        int turn = 0;
        await using TlsTree tree = await new TlsTree().StartAsync(join: (request, _) => turn < faults.Length
            ? throw faults[turn++]
            : Task.FromResult(new JoinAnswer { RequestId = request.RequestId, Outcome = JoinAnswer.Types.Outcome.Refused, Text = "enough" }));
        List<string> told = [];
        await Assert.ThrowsAsync<JoinRefusedException>(() => new JoinClient(TimeProvider.System, () => 0, NullLogger.Instance, waits: told.Add)
            .JoinAsync(new JoinTicket(tree.Address, tree.Authority.Pin, token.Reveal(), new PeerIdentity("c1", "uid-1"), ["127.0.0.1"]), directory, CancellationToken.None).Soon());
        Assert.Equal(
            [$"{tree.Address} answered 503: north does not reach the root now", $"{tree.Address} answered 503: the request could not be decided; the log of who was asked says why"], told);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)] // whoever else is certified in the tree sends no tokens about
    public async Task Replica_that_waits_sends_who_joins_to_the_one_that_leads_if_the_same_cluster_is_there(bool same)
    {
        await using TlsTree leader = await StartAsync();
        int sent = 0;
        await using TlsTree waits = await new TlsTree(authority: leader.Authority) { Self = same ? leader.Self : new PeerIdentity("north", "uid-north") }.StartAsync(join: (_, _) =>
        {
            sent++;
            throw new JoinLaterException("the other leads", leader.Address.Authority);
        });
        using CancellationTokenSource enough = new();
        List<string> told = [];
        JoinClient client = new(TimeProvider.System, () => 0, NullLogger.Instance, waits: why =>
        {
            told.Add(why);
            enough.Cancel();
        });
        Task<Joined> joining = client.JoinAsync(new JoinTicket(waits.Address, waits.Authority.Pin, token.Reveal(), new PeerIdentity("c1", "uid-1"), []), directory, enough.Token);
        if (same)
        {
            using JoinedConnection connection = (await joining.Soon()).Connection;
            Assert.Equal((leader.Address, 1), (connection.Parent, sent));
            Assert.Empty(told);
        }
        else
        {
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => joining.Soon());
            Assert.Equal($"a replica of north (uid-north) says that {leader.Address.Authority} leads, but root (root-uid) is there. The token was not sent.", Assert.Single(told));
            Assert.Equal(0, asked);
        }
    }

    [Fact]
    public async Task Revoked_cluster_with_a_good_certificate_is_refused_for_good()
    {
        await using TlsTree tree = await StartAsync();
        tree.Admission.Rule = (_, peer) => peer.Name == "c1" ? Admission.Refuse(Refuse.Types.Reason.Revoked, "revoked", never: true) : null;
        (EdgeTunnel child, _) = tree.Child("c1");
        TaskCompletionSource<EdgeTunnelStatus> refused = new();
        child.StatusChanged += status =>
        {
            if (status.Phase == EdgeTunnelPhase.RefusedForGood) refused.TrySetResult(status);
        };
        tree.Run(child);
        Assert.Equal("revoked", (await refused.Task.Soon()).Text);
    }

    [Fact]
    public async Task Certificate_of_another_tree_is_turned_away_and_the_child_says_why()
    {
        await using TlsTree tree = await StartAsync();
        using CertificateAuthority other = CertificateAuthority.Create(TimeProvider.System);
        (EdgeTunnel child, _) = tree.Child("c1", identity: other.CreateIdentity(new PeerIdentity("c1", "uid-1"), []));
        TaskCompletionSource<string> said = new();
        child.StatusChanged += status => said.TrySetResult(status.Text);
        tree.Run(child);
        Assert.Contains("not trusted by the tree's CA", await said.Task.Soon(), StringComparison.Ordinal);
        Assert.Empty(tree.Root.Events);
    }

    [Fact]
    public async Task Certificate_that_has_ended_does_not_attach_and_one_that_took_its_place_does_without_a_restart_of_the_listener()
    {
        FakeTimeProvider clock = new(TimeProvider.System.GetUtcNow());
        await using TlsTree tree = await new TlsTree(clock).StartAsync();
        ClusterIdentity child = tree.Authority.CreateIdentity(new PeerIdentity("c1", "uid-c1"), []);
        WebSocketDialer dialer = new(() => child, time: clock);
        string first = tree.RootIdentity.Current.Certificate.SerialNumber;
        Assert.Equal(first, await ServedAsync(tree));
        await (await dialer.DialAsync(tree.Address, CancellationToken.None)).Channel.DisposeAsync();

        clock.Advance(TimeSpan.FromDays(366));
        IOException late = await Assert.ThrowsAsync<IOException>(() => dialer.DialAsync(tree.Address, CancellationToken.None));
        Assert.Contains("does not count: it ended at", late.Message, StringComparison.Ordinal);
        Assert.Contains($", and this machine's clock says {clock.GetUtcNow():u}; if that is wrong, set the clock right", late.Message, StringComparison.Ordinal);
        clock.Advance(TimeSpan.FromSeconds(1));
        IOException later = await Assert.ThrowsAsync<IOException>(() => dialer.DialAsync(tree.Address, CancellationToken.None));
        Assert.NotEqual(late.Message, later.Message);
        Assert.Equal(TunnelTls.WithoutClock(late.Message), TunnelTls.WithoutClock(later.Message)); // so it is logged as the same cause
        tree.RootIdentity.Replace(tree.Authority.CreateIdentity(tree.RootIdentity.Current.Peer, ["127.0.0.1"]));
        Assert.NotEqual(first, await ServedAsync(tree));
        IOException own = await Assert.ThrowsAsync<IOException>(() => dialer.DialAsync(tree.Address, CancellationToken.None)); // now the child's own has ended
        Assert.StartsWith($"{tree.Address.Authority}: this cluster's own certificate ended at {child.Certificate.NotAfter.ToUniversalTime():u}", own.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("prematurely", own.Message, StringComparison.Ordinal);
        own = await Assert.ThrowsAsync<IOException>(() => dialer.DialAsync(new Uri("https://127.0.0.1:1"), CancellationToken.None));
        Assert.DoesNotContain("own certificate", own.Message, StringComparison.Ordinal); // nobody there: that is the network
        child = tree.Authority.CreateIdentity(child.Peer, []);
        await (await dialer.DialAsync(tree.Address, CancellationToken.None)).Channel.DisposeAsync();
    }

    private static async Task<string> ServedAsync(TlsTree tree)
    {
        using TcpClient tcp = new();
        await tcp.ConnectAsync(tree.EndPoint);
#pragma warning disable CA5359 // Only what is shown is looked at.
        await using SslStream tls = new(tcp.GetStream(), false, static (_, _, _, _) => true);
#pragma warning restore CA5359
        await tls.AuthenticateAsClientAsync("127.0.0.1");
        return ((X509Certificate2)tls.RemoteCertificate!).SerialNumber;
    }

    [Fact]
    public async Task Oversized_body_and_rubbish_are_turned_away()
    {
        await using TlsTree tree = await StartAsync();
#pragma warning disable CA5399, CA5359 // Only the status is looked at.
        using HttpClientHandler handler = new() { ServerCertificateCustomValidationCallback = static (_, _, _, _) => true, UseProxy = false };
        using HttpClient http = new(handler);
        http.DefaultRequestHeaders.ExpectContinue = true; // the answer must not be cut off by the body nobody reads
#pragma warning restore CA5399, CA5359
        foreach ((byte[] body, int status) in new[] { (new byte[] { 0xFF, 0xFF, 0xFF }, 400), (new byte[200_000], 413) })
        {
            using ByteArrayContent content = new(body);
            using HttpResponseMessage response = await http.PostAsync(new Uri(tree.Address, "/join"), content, TestContext.Current.CancellationToken);
            Assert.Equal(status, (int)response.StatusCode);
        }
    }

    private Task<TlsTree> StartAsync()
    {
        TlsTree tree = new();
        return tree.StartAsync(join: (request, _) => Task.FromResult(Answer(tree, request)));
    }

    private JoinAnswer Answer(TlsTree tree, JoinRequest request)
    {
        asked++;
        JoinTokenRecord record = new(token.Id, token.SecretHash, expires, 1, used.Count, used.Contains(request.Uid), [], autoAccept);
        PeerIdentity? renewed = Renewal.Verify(request, tree.Authority.Authority, TimeProvider.System.GetUtcNow(), TimeSpan.Zero);
        JoinVerdict verdict = JoinDecision.Decide(request, new JoinFacts(record, null, false, approved, renewed, TimeProvider.System.GetUtcNow()));
        if (verdict.UsesToken) used.Add(request.Uid);
        JoinAnswer answer = new() { RequestId = request.RequestId, Text = verdict.Text };
        switch (verdict.Kind)
        {
            case JoinVerdictKind.Issue:
                answer.Outcome = JoinAnswer.Types.Outcome.Issued;
                answer.Certificate = ByteString.CopyFrom(tree.Authority.Issue(SigningRequest.Read(request.Csr.Span), new PeerIdentity(request.Name, request.Uid), []).RawData);
                answer.Authority = ByteString.CopyFrom(tree.Authority.Authority.RawData);
                break;
            case JoinVerdictKind.Pending:
                answer.Outcome = JoinAnswer.Types.Outcome.Pending;
                break;
            default:
                answer.Outcome = JoinAnswer.Types.Outcome.Refused;
                break;
        }

        return answer;
    }

    private async Task<ClusterIdentity> JoinAsync(TlsTree tree, CaPin pin, string text)
    {
        Joined joined = await JoinedAsync(tree, pin, text);
        joined.Connection.Dispose();
        return joined.Identity;
    }

    private Task<Joined> JoinedAsync(TlsTree tree, CaPin pin, string text) =>
        new JoinClient(TimeProvider.System, () => 0.5, NullLogger.Instance)
            .JoinAsync(new JoinTicket(tree.Address, pin, text, new PeerIdentity("c1", "uid-1"), ["127.0.0.1"]), directory, CancellationToken.None);
}
