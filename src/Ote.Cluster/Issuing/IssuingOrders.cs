using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;
using Ote.Cluster.Handling;
using Ote.Cluster.Identity;
using Ote.Cluster.Tunnel;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Kube.Watching;
using Ote.Protocol.Tunnel;
using RouteEntry = Ote.Cluster.Routing.RouteEntry;

namespace Ote.Cluster.Issuing;

/// <summary>
/// The root's side of letting clusters issue: makes and withdraws leaves as <c>spec.issuing</c> of <c>Cluster</c> objects says, and tells each issuer its
/// leave and its join tokens until it says that it holds them. Thread-safe for different clusters.
/// </summary>
internal sealed class IssuingOrders
{
    private readonly KubeClient _api;
    private readonly RootAuthorities _authorities;
    private readonly RevocationKeeper _revocations;
    private readonly TimeSpan _grace;
    private readonly Func<Message, Task> _send;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly Informer _tokens;
    private readonly WishPauses _pauses;
    private readonly ConcurrentDictionary<string, long> _issuers = new(StringComparer.Ordinal);
    private ulong _version;

    /// <summary>Makes one that knows no tokens yet.</summary>
    /// <param name="api">Where clusters and tokens are.</param>
    /// <param name="authorities">Sign what is told.</param>
    /// <param name="revocations">Takes leaves that are withdrawn.</param>
    /// <param name="grace">How long after its end a certificate can be renewed.</param>
    /// <param name="send">Sends a message on its way down.</param>
    /// <param name="time">The clock.</param>
    /// <param name="random">Uniform in [0, 1).</param>
    /// <param name="log">What was given and withdrawn.</param>
    public IssuingOrders(
        KubeClient api, RootAuthorities authorities, RevocationKeeper revocations, TimeSpan grace, Func<Message, Task> send, TimeProvider time, Func<double> random, ILogger log)
    {
        (_api, _authorities, _revocations, _grace, _send, _time, _log) = (api, authorities, revocations, grace, send, time, log);
        _pauses = new WishPauses(time);
        _tokens = new Informer(api, Kinds.JoinTokens, null, null, time, random, log);
        _tokens.Changed += (before, after) =>
        {
            foreach (var issuer in new[] { before.Text("spec", "issuer"), after.Text("spec", "issuer") }.OfType<string>().Distinct())
            {
                Changed?.Invoke(issuer);
            }
        };
    }

    /// <summary>Raised with the name of a cluster whose plan may be another now. Handlers must be quick.</summary>
    public event Action<string>? Changed;

    /// <summary>Keeps the tokens until stopped. A user who may not list them is no reason for anything else to wait.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        var watching = _tokens.RunAsync(stop);
        await _tokens.Synced.WaitAsync(stop).ConfigureAwait(false);
        ChangedAll();
        await watching.ConfigureAwait(false);
    }

    /// <summary>All plans may be others: other CAs sign now, or the tokens are known.</summary>
    public void ChangedAll()
    {
        foreach (var issuer in _issuers.Keys)
        {
            Changed?.Invoke(issuer);
        }
    }

    /// <summary>
    /// Brings leaves in line with the spec: a new one stands in the object, one that is withdrawn is on the list of revocations, when this completes.
    /// </summary>
    /// <returns>The plan, null for a cluster that never issues; and the object as it is then.</returns>
    public async Task<(IssuingPlan? Plan, JsonObject Cluster)> PrepareAsync(JsonObject cluster, RouteEntry? entry, CancellationToken ct)
    {
        var now = _time.GetUtcNow();
        var grants = GrantRecord.Read(cluster);
        IssuingSpec.TryRead(cluster, out var spec, out var error);
        if (spec is null && error is null && grants.Count == 0 && entry is not { Issuing: > 0 })
        {
            _issuers.TryRemove(cluster.Name(), out _);
            return (null, cluster);
        }

        if (_issuers.TryGetValue(cluster.Name(), out var seen) is false || seen != cluster.Generation())
        {
            _issuers[cluster.Name()] = cluster.Generation();
            if (error is not null)
            {
                _log.IssuingInvalid(cluster.Name(), error);
            }
        }

        var uid = cluster.Text("spec", "uid");
        if (cluster.At("spec", "issuing") is null && grants.Count > 0)
        {
            await WithdrawAsync(cluster.Name(), grants).ConfigureAwait(false);
            cluster = await StoreAsync(cluster, [], ct).ConfigureAwait(false);
        }

        GrantRecord? grant = null;
        if (spec is not null && uid is { Length: > 0 } && now < spec.Until)
        {
            grant = grants.LastOrDefault(g => g.Of == GrantRecord.NameOf(spec, uid));
            if (grant is null)
            {
                grant = GrantRecord.Make(spec, uid);
                cluster = await StoreAsync(cluster, [.. grants.Where(g => g.Until + _grace > now), grant], ct).ConfigureAwait(false);
                _log.Granted(cluster.Name(), grant.Id, spec.NamePattern, spec.Until.ToKubeTime());
            }
        }

        var known = _tokens.Synced.IsCompletedSuccessfully;
        return (IssuingPlan.Make(cluster, grant, spec, error, known ? TokensOf(cluster.Name(), now) : null, _authorities.All.Select(a => a.Pin)), cluster);
    }

    /// <summary>Tells an issuer what it does not hold yet.</summary>
    /// <returns>When to look again; null: nothing is owed.</returns>
    public async Task<TimeSpan?> SendAsync(IssuingPlan plan, RouteEntry entry)
    {
        var now = _time.GetUtcNow();
        TimeSpan? ends = plan.Spec is { } spec && spec.Until > now ? Shorter(spec.Until - now) : null;
        if (!entry.Online || !plan.IsKnown || entry.Issuing == plan.Order.Digest || plan.Order.IssuerUid != entry.Uid)
        {
            _pauses.Forget(entry.Name);
            return ends;
        }

        if (!_pauses.IsDue(entry.Name, (long)plan.Order.Digest, entry.Epoch, out var pause))
        {
            return pause;
        }

        var order = plan.Order.Clone();
        order.Version = NextVersion(now);
        order.Grant = plan is { Grant: { } grant, Spec: { } said }
            ? IssuerGrant.Make(grant.Id, new PeerIdentity(entry.Name, entry.Uid), said.NamePattern, said.Until, said.Life, _authorities.All).Signed
            : null;
        await _send(new Message { Lane = Lane.Control, SetIssuing = OrderWord.Make(order, _authorities.All) }).ConfigureAwait(false);
        return pause;
    }

    /// <summary>The cluster is gone.</summary>
    public void Forget(string name)
    {
        _pauses.Forget(name);
        _issuers.TryRemove(name, out _);
    }

    private async Task WithdrawAsync(string name, IReadOnlyList<GrantRecord> grants)
    {
        var now = _time.GetUtcNow();
        foreach (var grant in grants.Where(g => g.Until + _grace > now))
        {
            var entry = new RevokedCluster { Name = name, Uid = grant.Id, UntilUnixSeconds = (grant.Until + _grace).ToUnixTimeSeconds() };
            await _revocations.ChangeAsync(list => list.Contains(grant.Id) ? null : list.All.Append(entry), _authorities, now).ConfigureAwait(false);
            _log.Withdrawn(name, grant.Id);
        }
    }

    private List<JsonObject> TokensOf(string issuer, DateTimeOffset now)
    {
        var tokens = _tokens.Items
            .Where(t => t.Text("spec", "issuer") == issuer && t.Truth("spec", "autoAccept") == true && !(t.Time("spec", "expiresAt") <= now)).ToList();
        if (tokens.Count > OrderWord.MostTokens)
        {
            _log.TooManyTokens(issuer, OrderWord.MostTokens, tokens.Count);
        }

        return tokens;
    }

    private async Task<JsonObject> StoreAsync(JsonObject cluster, IReadOnlyCollection<GrantRecord> grants, CancellationToken ct)
    {
        var next = cluster.Copy();
        GrantRecord.Write(next, grants);
        return await _api.ReplaceAsync(Kinds.Clusters, next, ct).ConfigureAwait(false);
    }

    // Time goes on where a root has lost its memory.
    private ulong NextVersion(DateTimeOffset now)
    {
        while (true)
        {
            var last = Volatile.Read(ref _version);
            var next = Math.Max(last + 1, (ulong)now.ToUnixTimeMilliseconds());
            if (Interlocked.CompareExchange(ref _version, next, last) == last)
            {
                return next;
            }
        }
    }

    private static TimeSpan Shorter(TimeSpan wait) => wait < TimeSpan.FromDays(1) ? wait : TimeSpan.FromDays(1);
}
