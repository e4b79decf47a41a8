using System.Security.Cryptography.X509Certificates;
using Ote.Kube.Leases;
using Ote.Kube.Server.Split;

namespace Ote.Roles.ControllerManager;

/// <summary>The way to whoever holds a shard elsewhere: its lease says who, and that one's own where. Thread-safe.</summary>
/// <param name="shards">How many shards there are.</param>
/// <param name="identity">This member, in this run.</param>
/// <param name="members">Who lives.</param>
/// <param name="holder">Who holds a shard, as far as is known; null: nobody.</param>
/// <param name="trust">By what members know each other.</param>
internal sealed class PeerWay(int shards, string identity, Func<IReadOnlyList<Member>> members, Func<int, LeaseRecord?> holder, PeerTrust trust) : IShardWay, IDisposable
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, (string CertificatePem, HttpClient Client)> _clients = new(StringComparer.Ordinal); // one for each living member

    /// <inheritdoc/>
    public int Count => shards;

    /// <inheritdoc/>
    public HttpClient To(int shard)
    {
        var lease = holder(shard) ?? throw new ShardAwayException($"nobody holds shard {shard}");
        if (lease.Holder == identity)
        {
            throw new ShardAwayException($"shard {shard} is being opened here");
        }

        var living = members();
        var member = living.FirstOrDefault(m => m.Lease.Holder == lease.Holder) ?? throw new ShardAwayException($"{lease.Address}, which held shard {shard}, says no more that it lives");
        var place = trust.Known ?? throw new ShardAwayException($"shard {shard}: the root has given no certificate by which members know each other");
        lock (_gate)
        {
            foreach (var gone in _clients.Keys.Where(k => living.All(m => m.Lease.Holder != k)).ToArray())
            {
                _clients.Remove(gone, out var former);
                former.Client.Dispose();
            }

            if (_clients.TryGetValue(lease.Holder, out var known) && known.CertificatePem == place.CertificatePem)
            {
                return known.Client;
            }

            // One with a former certificate is let go of when its last request has ended.
            var client = new HttpClient((place with { Address = member.Lease.Address, AuthorityPem = member.AuthorityPem }).CreateHandler()) { BaseAddress = new Uri($"https://{member.Lease.Address}"), Timeout = Timeout.InfiniteTimeSpan };
            _clients[lease.Holder] = (place.CertificatePem, client);
            return client;
        }
    }

    /// <inheritdoc/>
    public ValueTask<bool> IsMemberAsync(X509Certificate2 certificate, CancellationToken cancellation) => trust.BelievesAsync(certificate, cancellation);

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_gate)
        {
            foreach (var (_, client) in _clients.Values)
            {
                client.Dispose();
            }

            _clients.Clear();
        }
    }
}
