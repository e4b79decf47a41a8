using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using Google.Protobuf;
using Ote.Cluster.Identity;
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
/// binds name, uid and hosts there before a certificate leaves. Thread-safe; requests with one token are decided one after the other,
/// and so are those that ask for hosts nobody has given them yet.
/// </summary>
internal sealed class JoinDesk(KubeClient api, CertificateAuthority authority, RevocationKeeper revocations, JoinDeskOptions options, TimeProvider time)
{
    private static readonly TimeSpan PendingRetry = TimeSpan.FromSeconds(3);
    private const int Attempts = 5;
    private readonly ConcurrentDictionary<string, SemaphoreSlim> _turns = new(StringComparer.Ordinal);
    private readonly SemaphoreSlim _hostsTurn = new(1, 1);
    private readonly HashSet<string> _rootHosts = [.. options.RootHosts.Select(HostPolicy.Normalize)];

    public async Task<JoinAnswer> DecideAsync(JoinRequest request, CancellationToken ct)
    {
        var token = JoinTokenText.TryParse(request.Token, out var presented)
            ? await api.GetAsync(Kinds.JoinTokens, null, presented!.Id, ct).ConfigureAwait(false)
            : null;
        var turn = token is null ? null : _turns.GetOrAdd(token.Name(), _ => new SemaphoreSlim(1, 1));
        await (turn?.WaitAsync(ct) ?? Task.CompletedTask).ConfigureAwait(false);
        try
        {
            for (var attempt = 1; ; attempt++)
            {
                try
                {
                    var current = token is null ? null : await api.GetAsync(Kinds.JoinTokens, null, token.Name(), ct).ConfigureAwait(false);
                    return await DecideAsync(request, current, ct).ConfigureAwait(false);
                }
                catch (KubeStatusException conflict) when ((conflict.IsConflict || conflict.IsAlreadyExists) && attempt < Attempts)
                {
                    // Another writer was first: read what it wrote and decide again.
                }
            }
        }
        finally
        {
            turn?.Release();
        }
    }

    private async Task<JoinAnswer> DecideAsync(JoinRequest request, JsonObject? token, CancellationToken ct)
    {
        var cluster = Routing.ClusterName.CheckChild(request.Name) is null
            ? await api.GetAsync(Kinds.Clusters, null, request.Name, ct).ConfigureAwait(false)
            : null;
        var holder = cluster.Text("spec", "uid");
        var isHolder = holder == request.Uid;
        var verdict = JoinDecision.Decide(request, new JoinFacts(
            token is null ? null : new JoinToken(token).Read(request, isHolder),
            holder,
            IsRevoked: revocations.Current.Contains(request.Uid) || (isHolder && Revoker.IsShutOut(cluster!)),
            IsApproved: isHolder && cluster.Truth("spec", "accepted") == true,
            Renewal.Verify(request, authority.Authority, time.GetUtcNow(), options.RenewalGrace),
            time.GetUtcNow()));
        if (verdict.Kind == JoinVerdictKind.Refuse)
        {
            return Refused(request, verdict.Text);
        }

        SigningRequest signing;
        try
        {
            signing = SigningRequest.Read(request.Csr.Span);
        }
        catch (IdentityException broken)
        {
            return Refused(request, broken.Message);
        }

        var own = holder is null || isHolder ? Hosts(cluster) : [];
        if (!HostPolicy.NeedsHolders(signing.Hosts, own))
        {
            return await AdmitAsync(request, verdict, token, cluster, signing, HostPolicy.Judge(request.Name, signing.Hosts, own, _ => null), ct).ConfigureAwait(false);
        }

        await _hostsTurn.WaitAsync(ct).ConfigureAwait(false);
        try
        {
            var holders = await HoldersAsync(ct).ConfigureAwait(false);
            var hosts = HostPolicy.Judge(request.Name, signing.Hosts, own, host => _rootHosts.Contains(host) ? options.RootName : holders.GetValueOrDefault(host));
            return hosts.Refusal is { } refusal
                ? Refused(request, refusal)
                : await AdmitAsync(request, verdict, token, cluster, signing, hosts, ct).ConfigureAwait(false);
        }
        finally
        {
            _hostsTurn.Release();
        }
    }

    private async Task<JoinAnswer> AdmitAsync(
        JoinRequest request, JoinVerdict verdict, JsonObject? token, JsonObject? cluster, SigningRequest signing, HostVerdict hosts, CancellationToken ct)
    {
        if (verdict.UsesToken && token is not null)
        {
            await new JoinToken(token).CountAsync(api, request.Uid, ct).ConfigureAwait(false);
        }

        if (verdict.Kind == JoinVerdictKind.Pending)
        {
            await BindAsync(cluster, Wanted(cluster, request, false, hosts), ct).ConfigureAwait(false);
            return new JoinAnswer
            {
                RequestId = request.RequestId,
                Outcome = JoinAnswer.Types.Outcome.Pending,
                Text = verdict.Text,
                RetryAfterMilliseconds = (uint)PendingRetry.TotalMilliseconds,
            };
        }

        using var certificate = authority.Issue(signing, new PeerIdentity(request.Name, request.Uid), hosts.Granted);
        var bound = Wanted(cluster, request, true, hosts);
        CertificateRecord.Write(bound, certificate.NotBefore, certificate.NotAfter);
        await BindAsync(cluster, bound, ct).ConfigureAwait(false);
        return new JoinAnswer
        {
            RequestId = request.RequestId,
            Outcome = JoinAnswer.Types.Outcome.Issued,
            Certificate = ByteString.CopyFrom(certificate.RawData),
            Authority = ByteString.CopyFrom(authority.Authority.RawData),
            Text = string.Join("; ", hosts.Withheld),
        };
    }

    private static JoinAnswer Refused(JoinRequest request, string text) =>
        new() { RequestId = request.RequestId, Outcome = JoinAnswer.Types.Outcome.Refused, Text = text };

    private static HashSet<string> Hosts(JsonObject? cluster) =>
        [.. cluster.Items("spec", "hosts")?.Select(h => HostPolicy.Normalize(h?.ToString() ?? "")) ?? []];

    /// <summary>Who holds which host. Asked of the API each time: few clusters take children, and the answer must be exact.</summary>
    private async Task<Dictionary<string, string>> HoldersAsync(CancellationToken ct)
    {
        var holders = new Dictionary<string, string>(StringComparer.Ordinal);
        var all = await api.ListAsync(Kinds.Clusters, null, null, ct).ConfigureAwait(false);
        foreach (var cluster in all.Items)
        {
            foreach (var host in Hosts(cluster))
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
        var held = Hosts(cluster);
        held.UnionWith(hosts.Held);
        if (held.Count > 0)
        {
            spec["hosts"] = new JsonArray([.. held.Order(StringComparer.Ordinal).Select(h => (JsonNode)h)]);
        }

        return next;
    }

    /// <summary>Durable before the answer leaves.</summary>
    private Task BindAsync(JsonObject? before, JsonObject wanted, CancellationToken ct) =>
        before is null ? api.CreateAsync(Kinds.Clusters, null, wanted, ct)
        : JsonNode.DeepEquals(before, wanted) ? Task.CompletedTask
        : api.ReplaceAsync(Kinds.Clusters, wanted, ct);
}
