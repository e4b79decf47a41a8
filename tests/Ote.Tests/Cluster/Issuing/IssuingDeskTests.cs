using System.Security.Cryptography;
using Google.Protobuf;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Ote.Cluster.Handling;
using Ote.Cluster.Identity;
using Ote.Cluster.Issuing;
using Ote.Cluster.Journal;
using Ote.Cluster.Tunnel;
using Ote.Kube.Resources;
using Ote.Protocol.Tunnel;
using Ote.Tests.Cluster.Handling;
using RouteEntry = Ote.Cluster.Routing.RouteEntry;

namespace Ote.Tests.Cluster.Issuing;

/// <summary>The desk of a cluster that lets others in, with the root away or answering as the test says.</summary>
public sealed class IssuingDeskTests : IDisposable
{
    private static readonly DateTimeOffset Start = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);
    private static readonly PeerIdentity North = new("north", "u-north");
    private readonly FakeTimeProvider _time = new(Start);
    private readonly MemoryJournal _disk = new();
    private readonly FailingJournal _journal;
    private readonly CertificateAuthority _root;
    private readonly IdentitySource _identity;
    private readonly JoinTokenText _token = JoinTokenText.Create(RandomNumberGenerator.Fill);
    private readonly List<NameVerdict> _cut = [];
    private Func<JoinRequest, JoinAnswer?> _rootSays = static _ => null;
    private IssuingDesk _desk;
    private ulong _version;

    public IssuingDeskTests()
    {
        _journal = new FailingJournal(_disk);
        _root = CertificateAuthority.Create(_time);
        _identity = new IdentitySource(_root.CreateIdentity(North, []));
        _desk = Desk();
    }

    public void Dispose()
    {
        _desk.Dispose();
        _root.Dispose();
    }

    [Fact]
    public async Task Token_is_used_as_often_as_it_allows_and_by_who_asks_again_once_also_over_a_restart()
    {
        await OrderAsync(uses: 2);
        Assert.Equal(["Issued", "Issued", "Issued", "Refused"], await JoinAsync("shop-1", "shop-2", "shop-1", "shop-3"));
        _desk = Desk();
        Assert.Equal(["Issued", "Refused"], await JoinAsync("shop-2", "shop-3"));
        Assert.Equal(2, _desk.Waiting);
    }

    [Fact]
    public async Task Many_at_once_use_a_token_exactly_as_often_as_it_allows()
    {
        await OrderAsync(uses: 5);
        var answers = await Task.WhenAll(Enumerable.Range(0, 50).Select(i => AskAsync($"shop-{i}")));
        Assert.Equal(5, answers.Count(a => a.Outcome == JoinAnswer.Types.Outcome.Issued));
    }

    [Fact]
    public async Task Token_that_is_shown_again_by_another_uid_gets_nothing_and_for_another_name_is_one_more_use()
    {
        await OrderAsync(uses: 2);
        Assert.Equal(["Issued"], await JoinAsync("shop-1"));
        Assert.Contains("belongs to another cluster", (await AskAsync("shop-1", "u-thief")).Text, StringComparison.Ordinal);
        Assert.Equal("Issued", (await AskAsync("shop-2", "u-shop-1")).Outcome.ToString());
        Assert.Equal(["Refused"], await JoinAsync("shop-3"));
    }

    [Fact]
    public async Task Nothing_leaves_that_is_not_on_the_disk()
    {
        await OrderAsync(uses: 1);
        _journal.Fails = true;
        await Assert.ThrowsAsync<JournalException>(() => AskAsync("shop-1"));
        _journal.Fails = false;
        Assert.Equal(["Issued", "Refused"], await JoinAsync("shop-2", "shop-1"));
    }

    [Fact]
    public async Task Order_counts_when_the_root_has_signed_it_for_this_cluster_and_it_is_newer()
    {
        using var stranger = CertificateAuthority.Create(_time);
        await OrderAsync(signer: stranger);
        await OrderAsync(issuer: new PeerIdentity("south", "u-south"));
        Assert.False(_desk.Concerns(Request("shop-1")));
        var old = await OrderAsync(uses: 1);
        Assert.True(_desk.Concerns(Request("shop-1")));
        await OrderAsync(withToken: false);
        await _desk.ReceiveAsync(old); // a cluster between has kept it
        Assert.False(_desk.Concerns(Request("shop-1")));
        _desk = Desk();
        Assert.False(_desk.Concerns(Request("shop-1")));
    }

    [Fact]
    public async Task Certificate_is_followed_by_another_while_the_root_is_away_and_its_site_is_told_to_wait_before()
    {
        await OrderAsync();
        var first = await IdentityAsync("shop-1");
        Assert.Equal(JoinAnswer.Types.Outcome.Pending, (await FollowAsync(first)).Outcome);
        _time.Advance(TimeSpan.FromMinutes(40));
        var answer = await FollowAsync(first);
        using var next = System.Security.Cryptography.X509Certificates.X509CertificateLoader.LoadCertificate(answer.Certificate.Span);
        Assert.True(ProvisionalCertificate.Read(next, [_root.Authority])!.End > Start.AddMinutes(90));
    }

    [Fact]
    public async Task Nothing_is_issued_when_the_own_certificate_or_the_leave_has_ended()
    {
        await OrderAsync(uses: 2, days: 1000);
        _time.Advance(TimeSpan.FromDays(366));
        Assert.Equal(["Pending"], await JoinAsync("shop-1"));
        _identity.Replace(_root.CreateIdentity(North, []));
        Assert.Equal(["Issued"], await JoinAsync("shop-1"));
        await OrderAsync(uses: 2);
        Assert.Equal(["Pending"], await JoinAsync("shop-2"));
    }

    [Fact]
    public async Task Root_that_says_no_has_the_site_forgotten_and_cut_off_after_it_has_the_answer()
    {
        await OrderAsync();
        var site = await IdentityAsync("shop-1");
        var entry = new RouteEntry { Name = "shop-1", Uid = "u-shop-1" };
        Assert.True(_desk.IsIssued(entry));
        Assert.Null(_desk.Objection(Read(site)));
        _rootSays = request => new JoinAnswer { RequestId = request.RequestId, Outcome = JoinAnswer.Types.Outcome.Refused, Text = "the name is another's" };
        Assert.Equal("the name is another's", (await FollowAsync(site)).Text);
        Assert.Empty(_cut);
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(("shop-1", "the name is another's"), (_cut.Single().Name, _cut.Single().Text));
        Assert.False(_desk.IsIssued(entry));
        Assert.Contains("asks the root again at its parent's door", _desk.Objection(Read(site)), StringComparison.Ordinal);

        // The answer is for good as long as the root says so: another certificate does not follow.
        _rootSays = static _ => null;
        _time.Advance(TimeSpan.FromMinutes(40));
        Assert.Equal(JoinAnswer.Types.Outcome.Pending, (await FollowAsync(site)).Outcome);
        Assert.Equal(0, _desk.Waiting);
    }

    [Fact]
    public async Task Root_that_says_yes_has_the_site_waited_for_no_more()
    {
        await OrderAsync();
        var site = await IdentityAsync("shop-1");
        _rootSays = request => new JoinAnswer { RequestId = request.RequestId, Outcome = JoinAnswer.Types.Outcome.Issued };
        await FollowAsync(site);
        Assert.Equal(0, _desk.Waiting);
        Assert.True(_desk.IsIssued(new RouteEntry { Name = "shop-1", Uid = "u-shop-1" })); // until it has come with what the root gave it
        _time.Advance(TimeSpan.FromDays(40));
        await _desk.PruneAsync();
        Assert.False(_desk.IsIssued(new RouteEntry { Name = "shop-1", Uid = "u-shop-1" }));
    }

    private IssuingDesk Desk()
    {
        var desk = new IssuingDesk(
            _journal, _identity, new RevocationKeeper(_journal, _identity, NullLogger.Instance),
            (request, _) => _rootSays(request) is { } answer ? Task.FromResult(answer) : throw new InvalidOperationException("no way"), _cut.Add, _time, NullLogger.Instance);
        desk.Restore(new RouteKeeper(new RouteEntry { Name = "north", Uid = "u-north" }, _journal, _time, NullLogger.Instance));
        return desk;
    }

    private async Task<SetIssuing> OrderAsync(int uses = 1, CertificateAuthority? signer = null, PeerIdentity? issuer = null, bool withToken = true, int days = 1)
    {
        var who = issuer ?? North;
        var order = new IssuingOrder
        {
            Issuer = who.Name, IssuerUid = who.Uid, Version = ++_version, Digest = 1,
            Grant = IssuerGrant.Make("issuer-1", who, "shop-*", Start.AddDays(days), TimeSpan.FromHours(1), [signer ?? _root]).Signed,
        };
        if (withToken)
        {
            order.Tokens.Add(new IssuerToken { Id = _token.Id, SecretHash = _token.SecretHash, Uses = (ulong)uses });
        }

        var told = OrderWord.Make(order, [signer ?? _root]);
        await _desk.ReceiveAsync(told);
        return told;
    }

    private async Task<string[]> JoinAsync(params string[] names)
    {
        var outcomes = new List<string>();
        foreach (var name in names)
        {
            outcomes.Add((await AskAsync(name)).Outcome.ToString());
        }

        return [.. outcomes];
    }

    private Task<JoinAnswer> AskAsync(string name, string? uid = null) => _desk.AnswerAsync(Request(name, uid), TestContext.Current.CancellationToken);

    private async Task<ClusterIdentity> IdentityAsync(string name)
    {
        using var key = SigningRequest.NewKey();
        var request = Request(name);
        request.Csr = ByteString.CopyFrom(SigningRequest.Create(name, [], key));
        var answer = await _desk.AnswerAsync(request, TestContext.Current.CancellationToken);
        return ClusterIdentity.FromAnswer(answer, key, CaPin.Of(_root.Authority), new PeerIdentity(name, "u-" + name));
    }

    private Task<JoinAnswer> FollowAsync(ClusterIdentity former)
    {
        var request = Request(former.Peer.Name);
        request.Token = "";
        Renewal.Prove(request, former);
        Assert.True(_desk.Concerns(request));
        return _desk.AnswerAsync(request, TestContext.Current.CancellationToken);
    }

    private JoinRequest Request(string name, string? uid = null)
    {
        using var key = SigningRequest.NewKey();
        return new JoinRequest
        {
            RequestId = ByteString.CopyFromUtf8(name), Token = _token.Reveal(), Name = name, Uid = uid ?? "u-" + name, Provisional = true,
            Csr = ByteString.CopyFrom(SigningRequest.Create(name, [], key)),
        };
    }

    private ProvisionalCertificate Read(ClusterIdentity identity) => ProvisionalCertificate.Read(identity.Certificate, [_root.Authority])!;
}
