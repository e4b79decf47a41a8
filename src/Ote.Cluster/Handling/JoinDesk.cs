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

/// <summary>
/// The root's decision on joining, carried out: reads the token and who holds the name from the control API, binds the name to the uid
/// there before a certificate leaves. Thread-safe; requests with one token are decided one after the other.
/// </summary>
internal sealed class JoinDesk(KubeClient api, CertificateAuthority authority, TimeProvider time)
{
    private static readonly TimeSpan RenewalGrace = TimeSpan.FromDays(30);
    private static readonly TimeSpan PendingRetry = TimeSpan.FromSeconds(3);
    private const int Attempts = 5;
    private readonly ConcurrentDictionary<string, SemaphoreSlim> _turns = new(StringComparer.Ordinal);

    public async Task<JoinAnswer> DecideAsync(JoinRequest request, CancellationToken ct)
    {
        var token = JoinTokenText.TryParse(request.Token, out var presented)
            ? await api.GetAsync(Kinds.JoinTokens, null, presented!.Id, ct).ConfigureAwait(false)
            : null;
        if (token is null)
        {
            return await DecideAsync(request, null, ct).ConfigureAwait(false);
        }

        var turn = _turns.GetOrAdd(token.Name(), _ => new SemaphoreSlim(1, 1));
        await turn.WaitAsync(ct).ConfigureAwait(false);
        try
        {
            for (var attempt = 1; ; attempt++)
            {
                try
                {
                    var current = await api.GetAsync(Kinds.JoinTokens, null, token.Name(), ct).ConfigureAwait(false);
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
            turn.Release();
        }
    }

    private async Task<JoinAnswer> DecideAsync(JoinRequest request, JsonObject? token, CancellationToken ct)
    {
        var cluster = Routing.ClusterName.CheckChild(request.Name) is null
            ? await api.GetAsync(Kinds.Clusters, null, request.Name, ct).ConfigureAwait(false)
            : null;
        var holder = cluster.Text("spec", "uid");
        var verdict = JoinDecision.Decide(request, new JoinFacts(
            token is null ? null : Read(token, request.Name, holder == request.Uid ? request.Uid : null),
            holder,
            IsRevoked: false,
            IsApproved: holder == request.Uid && cluster.Truth("spec", "accepted") == true,
            Renewal.Verify(request, authority.Authority, time.GetUtcNow(), RenewalGrace),
            time.GetUtcNow()));
        if (verdict.Kind == JoinVerdictKind.Refuse)
        {
            return new JoinAnswer { RequestId = request.RequestId, Outcome = JoinAnswer.Types.Outcome.Refused, Text = verdict.Text };
        }

        if (verdict.UsesToken && token is not null)
        {
            await CountUseAsync(token, ct).ConfigureAwait(false);
        }

        var accepted = verdict.Kind == JoinVerdictKind.Issue;
        await BindAsync(cluster, request, accepted, ct).ConfigureAwait(false);
        if (!accepted)
        {
            return new JoinAnswer
            {
                RequestId = request.RequestId,
                Outcome = JoinAnswer.Types.Outcome.Pending,
                Text = verdict.Text,
                RetryAfterMilliseconds = (uint)PendingRetry.TotalMilliseconds,
            };
        }

        using var certificate = authority.Issue(request.Csr.Span, new PeerIdentity(request.Name, request.Uid));
        return new JoinAnswer
        {
            RequestId = request.RequestId,
            Outcome = JoinAnswer.Types.Outcome.Issued,
            Certificate = ByteString.CopyFrom(certificate.RawData),
            Authority = ByteString.CopyFrom(authority.Authority.RawData),
        };
    }

    private static JoinTokenRecord Read(JsonObject token, string name, string? admitted)
    {
        // Only how many were admitted, and whether this one was, matters to the decision.
        var used = new string[Math.Max(token.Whole("status", "used") ?? 0, admitted is null ? 0 : 1)];
        Array.Fill(used, "");
        if (admitted is not null)
        {
            used[0] = admitted;
        }

        var pattern = token.Text("spec", "namePattern");
        return new JoinTokenRecord(
            token.Name(),
            token.Text("spec", "secretHash") ?? "",
            token.Time("spec", "expiresAt"),
            token.Whole("spec", "uses") switch { null => 1, 0 => null, var uses => (int)uses },
            used,
            string.IsNullOrEmpty(pattern) ? [] : [Routing.Glob.Matches(pattern, name) ? name : pattern],
            token.Truth("spec", "autoAccept") ?? false);
    }

    private Task<JsonObject> CountUseAsync(JsonObject token, CancellationToken ct)
    {
        var next = token.Copy();
        next.Child("status")["used"] = (token.Whole("status", "used") ?? 0) + 1;
        return api.ReplaceStatusAsync(Kinds.JoinTokens, next, ct);
    }

    /// <summary>Durable before the answer leaves: from here on the name is this uid's.</summary>
    private async Task BindAsync(JsonObject? cluster, JoinRequest request, bool accepted, CancellationToken ct)
    {
        if (cluster is null)
        {
            await api.CreateAsync(
                Kinds.Clusters,
                null,
                new JsonObject
                {
                    ["apiVersion"] = Kinds.Clusters.ApiVersion,
                    ["kind"] = Kinds.Clusters.Kind,
                    ["metadata"] = new JsonObject { ["name"] = request.Name },
                    ["spec"] = new JsonObject { ["name"] = request.Name, ["uid"] = request.Uid, ["accepted"] = accepted },
                },
                ct).ConfigureAwait(false);
        }
        else if (cluster.Text("spec", "uid") != request.Uid || (accepted && cluster.Truth("spec", "accepted") != true))
        {
            var next = cluster.Copy();
            next.Child("spec")["uid"] = request.Uid;
            next.Child("spec")["accepted"] = accepted || cluster.Truth("spec", "accepted") == true;
            await api.ReplaceAsync(Kinds.Clusters, next, ct).ConfigureAwait(false);
        }
    }
}
