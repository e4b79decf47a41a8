using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Google.Protobuf;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Ote.Cluster.Audit;
using Ote.Cluster.Handling;
using Ote.Cluster.Identity;
using Ote.Cluster.Journal;
using Ote.Cluster.Tunnel;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Kube.Resources;
using Ote.Kube.Server;
using Ote.Kube.Server.Access;
using Ote.Protocol.Tunnel;

namespace Ote.Tests.Cluster.Handling;

/// <summary>The root's desk before a real control API in memory.</summary>
public sealed class JoinDeskTests : IAsyncLifetime
{
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 3, 1, 0, 0, 0, TimeSpan.Zero));
    private readonly MemoryJournal _journal = new();
    private ApiServer _server = null!;
    private KubeClient _api = null!;
    private CertificateAuthority _authority = null!;
    private RevocationKeeper _revocations = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _server = await ApiServer.StartAsync(new ApiServerOptions { Name = "root", InstallCrds = Crds.Load() }, NullLoggerFactory.Instance, _time, Ct);
        _api = _server.CreateClient(UserInfo.Admin);
        _authority = CertificateAuthority.Create(_time);
        _revocations = new RevocationKeeper(_journal, new IdentitySource(_authority.CreateIdentity(new PeerIdentity("root", "u-root"), [])), NullLogger.Instance);
    }

    public async ValueTask DisposeAsync()
    {
        _api.Dispose();
        await _server.DisposeAsync();
        await _journal.DisposeAsync();
        _authority.Dispose();
    }

    [Fact]
    public async Task Hundred_clusters_at_once_use_a_token_exactly_as_often_as_it_allows()
    {
        var token = await TokenAsync(uses: 10);
        var desk = Desk();
        var answers = await Task.WhenAll(Enumerable.Range(0, 100).Select(i => Task.Run(() => desk.DecideAsync(Ask($"c{i}", token.Reveal()), Ct))));

        Assert.Equal(10, answers.Count(a => a.Outcome == JoinAnswer.Types.Outcome.Issued));
        Assert.Equal(90, answers.Count(a => a.Outcome == JoinAnswer.Types.Outcome.Refused && a.Text.Contains("has admitted 10 of 10", StringComparison.Ordinal)));
        Assert.Equal(10, (await _api.GetAsync(Kinds.JoinTokens, null, token.Id, Ct)).Whole("status", "used"));
        Assert.Equal(10, (await _api.ListAsync(Kinds.Clusters, null, null, Ct)).Items.Count);
    }

    [Fact]
    public async Task Cluster_whose_use_was_counted_before_the_desk_died_is_not_turned_away_nor_counted_again()
    {
        var token = await TokenAsync(uses: 1);
        var obj = (await _api.GetAsync(Kinds.JoinTokens, null, token.Id, Ct))!;
        new JoinToken(obj).Count(new PeerIdentity("c1", "u-c1"));
        await _api.ReplaceStatusAsync(Kinds.JoinTokens, obj, Ct); // and then the process dies, before the name is bound

        Assert.Equal(JoinAnswer.Types.Outcome.Issued, (await Desk().DecideAsync(Ask("c1", token.Reveal()), Ct)).Outcome);
        Assert.Equal(1, (await _api.GetAsync(Kinds.JoinTokens, null, token.Id, Ct)).Whole("status", "used"));
        Assert.Equal(JoinAnswer.Types.Outcome.Refused, (await Desk().DecideAsync(Ask("c2", token.Reveal()), Ct)).Outcome);
    }

    [Theory]
    [InlineData(1)] // the token's object remembers whom it admitted
    [InlineData(100)] // only the desk does
    public async Task Cluster_that_was_counted_gets_no_second_name_by_a_token_that_is_used_up(int uses)
    {
        var token = (await TokenAsync(uses)).Reveal();
        var desk = Desk();
        for (var i = 0; i < uses; i++)
        {
            Assert.Equal(JoinAnswer.Types.Outcome.Issued, (await desk.DecideAsync(Ask($"c{i}", token), Ct)).Outcome);
        }

        var second = Ask("another", token);
        second.Uid = Ask("c0", token).Uid;
        Assert.Equal(JoinAnswer.Types.Outcome.Refused, (await desk.DecideAsync(second, Ct)).Outcome);
        Assert.Equal(JoinAnswer.Types.Outcome.Issued, (await desk.DecideAsync(Ask("c0", token), Ct)).Outcome); // its own it may ask for again
    }

    [Fact]
    public async Task Clusters_that_give_up_waiting_and_ask_again_are_counted_once()
    {
        var token = await TokenAsync(uses: 100); // too many for the token itself to remember whom it admitted
        var desk = Desk();
        for (var round = 0; round < 2; round++)
        {
            await Task.WhenAll(Enumerable.Range(0, 100).Select(i => Task.Run(async () =>
            {
                using var hasty = new CancellationTokenSource(TimeSpan.FromMilliseconds(i / 4), TimeProvider.System);
                try
                {
                    await desk.DecideAsync(Ask($"c{i}", token.Reveal()), hasty.Token);
                }
                catch (OperationCanceledException)
                {
                    // As meant.
                }
            })));
        }

        // The second of two at once is as if the first had not been answered in time.
        var answers = await Task.WhenAll(Enumerable.Range(0, 200).Select(i => Task.Run(() => desk.DecideAsync(Ask($"c{i % 100}", token.Reveal()), Ct))));
        Assert.All(answers, a => Assert.Equal(JoinAnswer.Types.Outcome.Issued, a.Outcome));
        Assert.Equal(100, (await _api.GetAsync(Kinds.JoinTokens, null, token.Id, Ct)).Whole("status", "used"));
    }

    [Fact]
    public async Task Token_that_was_revoked_or_has_ended_admits_nobody()
    {
        var token = await TokenAsync(uses: 0, expires: _time.GetUtcNow().AddHours(1));
        Assert.Equal(JoinAnswer.Types.Outcome.Issued, (await Desk().DecideAsync(Ask("c1", token.Reveal()), Ct)).Outcome);
        _time.Advance(TimeSpan.FromHours(1));
        Assert.Contains("ended at", (await Desk().DecideAsync(Ask("c2", token.Reveal()), Ct)).Text, StringComparison.Ordinal);
        await _api.DeleteAsync(Kinds.JoinTokens, null, token.Id, Ct);
        Assert.Contains("not valid", (await Desk().DecideAsync(Ask("c3", token.Reveal()), Ct)).Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Request_for_the_roots_host_is_refused_uses_nothing_up_and_binds_nothing()
    {
        var token = await TokenAsync(uses: 1);
        var answer = await Desk("root.example.org", "203.0.113.7").DecideAsync(Ask("evil", token.Reveal(), "127.0.0.1", "Root.Example.Org"), Ct);

        Assert.Equal(JoinAnswer.Types.Outcome.Refused, answer.Outcome);
        Assert.Contains("the host root.example.org is held by cluster root", answer.Text, StringComparison.Ordinal);
        Assert.True(answer.Certificate.IsEmpty);
        Assert.Null((await _api.GetAsync(Kinds.JoinTokens, null, token.Id, Ct)).Whole("status", "used"));
        Assert.Null(await _api.GetAsync(Kinds.Clusters, null, "evil", Ct));
    }

    [Fact]
    public async Task Host_of_a_replica_that_waits_is_refused_though_the_one_that_leads_has_another()
    {
        await Ote.Cluster.Replicas.RootHosts.ClaimAsync(
            _api, new ClusterControllerOptions { Name = "root", DataDirectory = "/unused", Listen = new(System.Net.IPAddress.Loopback, 8287), Advertise = "203.0.113.8:8287" }, Ct);
        var answer = await Desk("203.0.113.7").DecideAsync(Ask("evil", (await TokenAsync(uses: 1)).Reveal(), "203.0.113.8"), Ct);
        Assert.Equal(JoinAnswer.Types.Outcome.Refused, answer.Outcome);
        Assert.Contains("the host 203.0.113.8 is held by cluster root", answer.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Host_belongs_to_the_first_that_asks_until_an_operator_moves_it()
    {
        var token = (await TokenAsync(uses: 0)).Reveal();
        Assert.Equal(JoinAnswer.Types.Outcome.Issued, (await Desk().DecideAsync(Ask("north", token, "north.example.org"), Ct)).Outcome);
        var refused = await Desk().DecideAsync(Ask("evil", token, "north.example.org"), Ct);
        Assert.Contains("held by cluster north", refused.Text, StringComparison.Ordinal);
        Assert.Equal("""["north.example.org"]""", (await _api.GetAsync(Kinds.Clusters, null, "north", Ct)).At("spec", "hosts")!.ToJsonString());

        await HostsAsync("north", []);
        var moved = await Desk().DecideAsync(Ask("evil", token, "north.example.org"), Ct);
        Assert.Equal(JoinAnswer.Types.Outcome.Issued, moved.Outcome);
        Assert.Equal(JoinAnswer.Types.Outcome.Refused, (await Desk().DecideAsync(Ask("north", token, "north.example.org"), Ct)).Outcome);
    }

    [Fact]
    public async Task One_of_many_that_ask_for_a_host_at_once_gets_it()
    {
        var token = (await TokenAsync(uses: 0)).Reveal();
        var desk = Desk();
        var answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(i => Task.Run(() => desk.DecideAsync(Ask($"c{i}", token, "edge.example.org"), Ct))));
        Assert.Single(answers, a => a.Outcome == JoinAnswer.Types.Outcome.Issued);
    }

    [Fact]
    public async Task Private_address_of_another_site_is_left_out_of_the_certificate_and_said()
    {
        var token = (await TokenAsync(uses: 0)).Reveal();
        await Desk().DecideAsync(Ask("north", token, "172.17.0.1"), Ct);
        var answer = await Desk().DecideAsync(Ask("south", token, "172.17.0.1", "south.example.org"), Ct);
        Assert.Contains("172.17.0.1 is held by cluster north", answer.Text, StringComparison.Ordinal);
        using var certificate = System.Security.Cryptography.X509Certificates.X509CertificateLoader.LoadCertificate(answer.Certificate.Span);
        Assert.False(certificate.MatchesHostname("172.17.0.1"));
        Assert.True(certificate.MatchesHostname("south.example.org"));
    }

    [Fact]
    public async Task Renewal_needs_the_former_key_keeps_to_the_grace_and_is_written_down_before_it_leaves()
    {
        var former = await JoinedAsync("c1");
        _time.Advance(TimeSpan.FromDays(365 + 29));
        var answer = await Desk().DecideAsync(Renew(former), Ct);
        Assert.Equal(JoinAnswer.Types.Outcome.Issued, answer.Outcome);
        var record = CertificateRecord.Of((await _api.GetAsync(Kinds.Clusters, null, "c1", Ct))!)!;
        Assert.Equal(_time.GetUtcNow().AddDays(365), record.End);

        var forged = Renew(former);
        forged.Csr = ByteString.CopyFrom(SigningRequest.Create("c1", [], SigningRequest.NewKey()));
        Assert.Equal(JoinAnswer.Types.Outcome.Refused, (await Desk().DecideAsync(forged, Ct)).Outcome);

        _time.Advance(TimeSpan.FromDays(2));
        Assert.Equal(JoinAnswer.Types.Outcome.Refused, (await Desk().DecideAsync(Renew(former), Ct)).Outcome);
    }

    [Fact]
    public async Task Revoked_cluster_gets_no_certificate_by_renewal_nor_by_any_token_until_it_is_accepted_again()
    {
        var former = await JoinedAsync("c1");
        var token = (await TokenAsync(uses: 0)).Reveal();
        await AcceptAsync("c1", false);
        Assert.Contains("revoked", (await Desk().DecideAsync(Renew(former), Ct)).Text, StringComparison.Ordinal);
        Assert.Contains("revoked", (await Desk().DecideAsync(Ask("c1", token), Ct)).Text, StringComparison.Ordinal);
        await AcceptAsync("c1", true);
        Assert.Equal(JoinAnswer.Types.Outcome.Issued, (await Desk().DecideAsync(Renew(former), Ct)).Outcome);
    }

    [Fact]
    public async Task Deleting_the_object_of_a_revoked_cluster_does_not_let_it_back_in_and_time_forgets_it()
    {
        var former = await JoinedAsync("c1");
        var revoker = new Revoker(_revocations, RootAuthorities.Of(_authority), "u-root", TimeSpan.FromDays(30), _time, NullLogger.Instance);
        await AcceptAsync("c1", false);
        await revoker.ObserveAsync((await _api.GetAsync(Kinds.Clusters, null, "c1", Ct))!);
        await _api.DeleteAsync(Kinds.Clusters, null, "c1", Ct);
        Assert.Contains("revoked", (await Desk().DecideAsync(Renew(former), Ct)).Text, StringComparison.Ordinal);
        await revoker.PruneAsync();
        Assert.True(_revocations.Current.Contains("u-c1"));

        _time.Advance(TimeSpan.FromDays(365 + 31)); // its certificate can be neither used nor renewed any more
        await revoker.PruneAsync();
        Assert.False(_revocations.Current.Contains("u-c1"));
    }

    [Theory]
    [InlineData(true, """ "by":"ann","byGroups":["system:masters"] """)]
    [InlineData(false, "")] // an API that lets anyone write it
    public async Task Audit_log_says_who_shut_a_cluster_out_and_let_it_in_again_where_the_API_says_so(bool namesRequester, string who)
    {
        var file = Path.Combine(Directory.CreateTempSubdirectory("ote-desk-").FullName, "audit.jsonl");
        await JoinedAsync("c1");
        using (var audit = AuditLog.Open(file, AuditLog.LeastMaxBytes, NullLogger.Instance))
        {
            var revoker = new Revoker(_revocations, RootAuthorities.Of(_authority), "u-root", TimeSpan.Zero, _time, NullLogger.Instance, audit, namesRequester);
            using var ann = _server.CreateClient(new UserInfo("ann", [UserInfo.Masters]));
            foreach (var accepted in (bool[])[false, true])
            {
                var cluster = (await _api.GetAsync(Kinds.Clusters, null, "c1", Ct))!;
                cluster["spec"]!["accepted"] = accepted;
                await ann.ReplaceAsync(Kinds.Clusters, cluster, Ct);
                await revoker.ObserveAsync((await _api.GetAsync(Kinds.Clusters, null, "c1", Ct))!);
            }
        }

        var lines = (await File.ReadAllLinesAsync(file, Ct)).Select(line => JsonNode.Parse(line)!.AsObject()).ToArray();
        Directory.Delete(Path.GetDirectoryName(file)!, recursive: true);
        Assert.Equal(["revoked", "let-in-again"], lines.Select(l => l.Text("event")));
        foreach (var line in lines)
        {
            var told = new JsonObject(line.Where(f => f.Key.StartsWith("by", StringComparison.Ordinal)).Select(f => KeyValuePair.Create(f.Key, f.Value?.DeepClone())));
            Assert.True(JsonNode.DeepEquals(JsonNode.Parse($"{{{who}}}"), told), line.ToJsonString());
        }
    }

    [Fact]
    public async Task Cluster_that_only_waits_for_approval_is_not_revoked()
    {
        var token = (await TokenAsync(uses: 1, autoAccept: false)).Reveal();
        Assert.Equal(JoinAnswer.Types.Outcome.Pending, (await Desk().DecideAsync(Ask("c1", token), Ct)).Outcome);
        await new Revoker(_revocations, RootAuthorities.Of(_authority), "u-root", TimeSpan.Zero, _time, NullLogger.Instance).ObserveAsync((await _api.GetAsync(Kinds.Clusters, null, "c1", Ct))!);
        Assert.False(_revocations.Current.Contains("u-c1"));
        await AcceptAsync("c1", true);
        Assert.Equal(JoinAnswer.Types.Outcome.Issued, (await Desk().DecideAsync(Ask("c1", token), Ct)).Outcome);
    }

    [Fact]
    public async Task Broken_signing_request_is_answered_with_a_refusal_and_uses_nothing_up()
    {
        var token = await TokenAsync(uses: 1);
        var request = Ask("c1", token.Reveal());
        request.Csr = ByteString.CopyFromUtf8("rubbish");
        Assert.Contains("signing request is broken", (await Desk().DecideAsync(request, Ct)).Text, StringComparison.Ordinal);
        Assert.Equal(JoinAnswer.Types.Outcome.Issued, (await Desk().DecideAsync(Ask("c1", token.Reveal()), Ct)).Outcome);
    }

    private static JoinRequest Ask(string name, string token, params string[] hosts)
    {
        using var key = SigningRequest.NewKey();
        return new JoinRequest { RequestId = ByteString.CopyFrom(RandomNumberGenerator.GetBytes(16)), Token = token, Name = name, Uid = "u-" + name, Csr = ByteString.CopyFrom(SigningRequest.Create(name, hosts, key)) };
    }

    private static JoinRequest Renew(ClusterIdentity former)
    {
        var request = Ask(former.Peer.Name, "");
        Renewal.Prove(request, former);
        return request;
    }

    private JoinDesk Desk(params string[] rootHosts) => new(_api, RootAuthorities.Of(_authority), _revocations, new JoinDeskOptions(TimeSpan.FromDays(30), "root", rootHosts), _time);

    private async Task<ClusterIdentity> JoinedAsync(string name)
    {
        using var key = SigningRequest.NewKey();
        var request = Ask(name, (await TokenAsync(uses: 1)).Reveal());
        request.Csr = ByteString.CopyFrom(SigningRequest.Create(name, [], key));
        return ClusterIdentity.FromAnswer(await Desk().DecideAsync(request, Ct), key, _authority.Pin, new PeerIdentity(name, "u-" + name));
    }

    private Task<JsonObject> AcceptAsync(string name, bool accepted) =>
        _api.PatchAsync(Kinds.Clusters, null, name, PatchKind.Merge, new JsonObject { ["spec"] = new JsonObject { ["accepted"] = accepted } }, Ct);

    private Task<JsonObject> HostsAsync(string name, JsonArray hosts) =>
        _api.PatchAsync(Kinds.Clusters, null, name, PatchKind.Merge, new JsonObject { ["spec"] = new JsonObject { ["hosts"] = hosts } }, Ct);

    private async Task<JoinTokenText> TokenAsync(int uses, bool autoAccept = true, DateTimeOffset? expires = null)
    {
        var token = JoinTokenText.Create(RandomNumberGenerator.Fill);
        var spec = new JsonObject { ["secretHash"] = token.SecretHash, ["uses"] = uses, ["autoAccept"] = autoAccept };
        if (expires is { } end)
        {
            spec["expiresAt"] = end.ToKubeTime();
        }

        await _api.CreateAsync(Kinds.JoinTokens, null, new JsonObject
        {
            ["apiVersion"] = "ote.baidu.com/v1", ["kind"] = "JoinToken", ["metadata"] = new JsonObject { ["name"] = token.Id }, ["spec"] = spec,
        }, Ct);
        return token;
    }
}
