using System.Text.Json.Nodes;
using Google.Protobuf;
using Microsoft.Extensions.Logging;
using Ote.Cluster.Audit;
using Ote.Cluster.Identity;
using Ote.Cluster.Issuing;
using Ote.Cluster.Tunnel;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Kube.Resources;
using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Handling;

/// <summary>What the desk goes by.</summary>
/// <param name="RenewalGrace">How long after its end a certificate may still be renewed.</param>
/// <param name="RootName">The root's name.</param>
/// <param name="RootHosts">Hosts that are the root's.</param>
internal sealed record JoinDeskOptions(TimeSpan RenewalGrace, string RootName, IReadOnlyCollection<string> RootHosts);

/// <summary>
/// The root's decision on joining and renewal, carried out: reads the token and who holds the name and the hosts from the control API,
/// binds name, uid and hosts there before a certificate leaves. Thread-safe; requests that ask for hosts nobody has given them yet are
/// decided one after the other.
/// </summary>
internal sealed class JoinDesk(KubeClient api, RootAuthorities authority, RevocationKeeper revocations, JoinDeskOptions options, TimeProvider time, ILogger? log = null, AuditLog? audit = null)
{
    private static readonly TimeSpan PendingRetry = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan BindPatience = TimeSpan.FromSeconds(20);
    private const string AdmittedKeyAnnotation = "ote.baidu.com/admitted-key";
    private const int Attempts = 5;
    private readonly TokenLedger _ledger = new(api, time);
    private readonly SemaphoreSlim _hostsTurn = new(1, 1);
    private readonly HashSet<string> _rootHosts = [.. options.RootHosts.Select(HostPolicy.Normalize)];

    /// <summary>
    /// Whether a cluster of a name may have an object. Asked to save a question to the API: a wrong no costs a second attempt, nothing else.
    /// </summary>
    public Func<string, bool> MayExist { get; init; } = static _ => true;

    public async Task<JoinAnswer> DecideAsync(JoinRequest request, CancellationToken ct)
    {
        var asked = new Asked(request, Renewal.VerifyProvisional(request, [.. authority.All.Select(a => a.Authority)], time.GetUtcNow(), options.RenewalGrace));
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return await DecideAsync(asked, isFirst: attempt == 1, ct).ConfigureAwait(false);
            }
            catch (KubeStatusException conflict) when ((conflict.IsConflict || conflict.IsAlreadyExists) && attempt < Attempts)
            {
                // Another writer was first: read what it wrote and decide again.
            }
        }
    }

    private async Task<JoinAnswer> DecideAsync(Asked asked, bool isFirst, CancellationToken ct)
    {
        var request = asked.Request;
        var cluster = Routing.ClusterName.CheckChild(request.Name) is null && (!isFirst || MayExist(request.Name))
            ? await api.GetAsync(Kinds.Clusters, null, request.Name, ct).ConfigureAwait(false)
            : null;
        SigningRequest signing;
        try
        {
            signing = SigningRequest.Read(request.Csr.Span);
        }
        catch (IdentityException broken)
        {
            return Refused(request, request.Csr.IsEmpty ? "the signing request is missing" : broken.Message);
        }

        var holder = cluster.Text("spec", "uid");
        var own = holder is null || holder == request.Uid ? ClusterHosts.Of(cluster) : [];
        if (!HostPolicy.NeedsHolders(signing.Hosts, own))
        {
            var hosts = HostPolicy.Judge(request.Name, signing.Hosts, own, _ => null);
            return await AdmitAsync(asked, await VerdictAsync(asked, cluster, ct).ConfigureAwait(false), cluster, signing, hosts).ConfigureAwait(false);
        }

        await _hostsTurn.WaitAsync(ct).ConfigureAwait(false);
        try
        {
            // A first look at the token only: who may not join learns nothing of who holds what, and a refused host uses nothing up.
            var token = asked.TokenId is { } id ? await api.GetAsync(Kinds.JoinTokens, null, id, ct).ConfigureAwait(false) : null;
            if (Judge(asked, cluster, token is null ? null : new JoinToken(token)) is { Kind: JoinVerdictKind.Refuse } no)
            {
                return Refused(request, no.Text);
            }

            var holders = await HoldersAsync(ct).ConfigureAwait(false);
            var hosts = HostPolicy.Judge(request.Name, signing.Hosts, own, host => _rootHosts.Contains(host) ? options.RootName : holders.GetValueOrDefault(host));
            return hosts.Refusal is { } refusal
                ? Refused(request, refusal)
                : await AdmitAsync(asked, await VerdictAsync(asked, cluster, ct).ConfigureAwait(false), cluster, signing, hosts).ConfigureAwait(false);
        }
        finally
        {
            _hostsTurn.Release();
        }
    }

    /// <summary>The decision, and the use of the token counted.</summary>
    private Task<JoinVerdict> VerdictAsync(Asked asked, JsonObject? cluster, CancellationToken ct) => asked.TokenId is { } id
        ? _ledger.DecideAsync(id, new PeerIdentity(asked.Request.Name, asked.Request.Uid), (token, wasCounted) => Judge(asked, cluster, token, wasCounted), ct)
        : Task.FromResult(Judge(asked, cluster, null));

    private JoinVerdict Judge(Asked asked, JsonObject? cluster, JoinToken? token, bool wasCounted = false)
    {
        var request = asked.Request;
        var holder = cluster.Text("spec", "uid");
        var isHolder = holder == request.Uid;
        var isRevoked = revocations.Current.Contains(request.Uid) || (isHolder && Revoker.IsShutOut(cluster!));
        if (asked.Provisional is { } provisional)
        {
            return ConfirmDecision.Decide(request, provisional, new ConfirmFacts(
                token?.Read(request, wasCounted), holder, AdmittedKey(cluster), CertificateRecord.Of(cluster ?? []) is not null, provisional.Withdrawn(revocations.Current), isRevoked));
        }

        return JoinDecision.Decide(request, new JoinFacts(
            token?.Read(request, isHolder || wasCounted),
            holder,
            IsRevoked: isRevoked,
            IsApproved: isHolder && cluster.Truth("spec", "accepted") == true,
            Renewal.Verify(request, authority.All.Select(a => a.Authority), time.GetUtcNow(), options.RenewalGrace),
            time.GetUtcNow()));
    }

    /// <summary>
    /// Once a use is counted, who it was for is written down, even when nobody waits for the answer any more: it is asked for again, and must
    /// not be counted again.
    /// </summary>
    private async Task<JoinAnswer> AdmitAsync(Asked asked, JoinVerdict verdict, JsonObject? cluster, SigningRequest signing, HostVerdict hosts)
    {
        var request = asked.Request;
        using var late = new CancellationTokenSource(BindPatience, time);
        if (verdict.Kind == JoinVerdictKind.Refuse)
        {
            if (asked.Provisional is { } refused)
            {
                audit?.Write(AuditLine.Joining("not-admitted", options.RootName, refused, verdict.Text, time.GetUtcNow()));
                log?.NotAdmitted(refused.Peer, refused.Grant.Issuer.Name, refused.Token, verdict.Text);
            }

            return Refused(request, verdict.Text);
        }

        if (verdict.Kind is JoinVerdictKind.Pending or JoinVerdictKind.Later)
        {
            if (verdict.Kind == JoinVerdictKind.Pending)
            {
                await BindAsync(cluster, Wanted(cluster, request, false, hosts), late.Token).ConfigureAwait(false);
            }

            return new JoinAnswer
            {
                RequestId = request.RequestId,
                Outcome = JoinAnswer.Types.Outcome.Pending,
                Text = verdict.Text,
                RetryAfterMilliseconds = (uint)PendingRetry.TotalMilliseconds,
            };
        }

        var issuer = authority.Active;
        using var certificate = issuer.Issue(signing, new PeerIdentity(request.Name, request.Uid), hosts.Granted);
        var bound = Wanted(cluster, request, true, hosts);
        CertificateRecord.Write(bound, certificate.NotBefore, certificate.NotAfter);
        if (asked.Provisional is { } provisional)
        {
            bound.Child("metadata").Child("annotations")[AdmittedKeyAnnotation] = provisional.Key.ToString();
        }

        await BindAsync(cluster, bound, late.Token).ConfigureAwait(false);
        if (asked.Provisional is { } admitted)
        {
            audit?.Write(AuditLine.Joining("admitted", options.RootName, admitted, null, time.GetUtcNow()));
            log?.Admitted(admitted.Peer, admitted.Grant.Issuer.Name, admitted.Token);
        }

        return new JoinAnswer
        {
            RequestId = request.RequestId,
            Outcome = JoinAnswer.Types.Outcome.Issued,
            Certificate = ByteString.CopyFrom(certificate.RawData),
            Authority = ByteString.CopyFrom(issuer.Authority.RawData),
            Membership = ByteString.CopyFrom(issuer.ProveMember(new PeerIdentity(request.Name, request.Uid))),
            Text = string.Join("; ", hosts.Withheld),
        };
    }

    private static CaPin? AdmittedKey(JsonObject? cluster) =>
        CaPin.TryParse(cluster?.Annotation(AdmittedKeyAnnotation), out var key) ? key : null;

    private static JoinAnswer Refused(JoinRequest request, string text) =>
        new() { RequestId = request.RequestId, Outcome = JoinAnswer.Types.Outcome.Refused, Text = text };

    /// <summary>Who holds which host. Asked of the API each time: few clusters take children, and the answer must be exact.</summary>
    private async Task<Dictionary<string, string>> HoldersAsync(CancellationToken ct)
    {
        var holders = new Dictionary<string, string>(StringComparer.Ordinal);
        var all = await api.ListAsync(Kinds.Clusters, null, null, ct).ConfigureAwait(false);
        foreach (var cluster in all.Items)
        {
            foreach (var host in ClusterHosts.Of(cluster))
            {
                holders.TryAdd(host, cluster.Name());
            }
        }

        return holders;
    }

    /// <summary>The cluster's object as it is to be: from then on the name and the hosts are this uid's.</summary>
    private static JsonObject Wanted(JsonObject? cluster, JoinRequest request, bool accepted, HostVerdict hosts)
    {
        var next = cluster?.Copy() ?? new JsonObject
        {
            ["apiVersion"] = Kinds.Clusters.ApiVersion,
            ["kind"] = Kinds.Clusters.Kind,
            ["metadata"] = new JsonObject { ["name"] = request.Name },
            ["spec"] = new JsonObject { ["name"] = request.Name },
        };
        var spec = next.Child("spec");
        spec["uid"] = request.Uid;
        spec["accepted"] = accepted || cluster.Truth("spec", "accepted") == true;
        var held = ClusterHosts.Of(cluster);
        held.UnionWith(hosts.Held);
        if (held.Count > 0)
        {
            ClusterHosts.Write(next, held);
        }

        return next;
    }

    /// <summary>Durable before the answer leaves.</summary>
    private Task BindAsync(JsonObject? before, JsonObject wanted, CancellationToken ct) =>
        before is null ? api.CreateAsync(Kinds.Clusters, null, wanted, ct)
        : JsonNode.DeepEquals(before, wanted) ? Task.CompletedTask
        : api.ReplaceAsync(Kinds.Clusters, wanted, ct);

    /// <summary>One request over all its attempts.</summary>
    private sealed class Asked(JoinRequest request, ProvisionalCertificate? provisional)
    {
        public JoinRequest Request => request;

        /// <summary>The certificate of another cluster that it shows in place of a token; null when it shows none.</summary>
        public ProvisionalCertificate? Provisional { get; } = request.Token.Length == 0 ? provisional : null;

        /// <summary>The token it shows, or was let in by; null when there is none.</summary>
        public string? TokenId => JoinTokenText.TryParse(request.Token, out var presented) ? presented.Id : Provisional?.Token;
    }
}
