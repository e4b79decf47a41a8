using Ote.Cluster.Identity;
using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Handling;

/// <summary>Keeps a controller's own certificate young: the root certifies itself; any other asks by its link, or at its parent's door when it has none.</summary>
internal sealed class OwnCertificate(
    ClusterControllerOptions options, ClusterControllerParts parts, string directory, IdentitySource identity, CertificateAuthority? authority, Uplink uplink, JoinRelay joins)
{
    /// <summary>Seconds until it ends; negative afterwards.</summary>
    public double SecondsLeft() => (new DateTimeOffset(identity.Current.Certificate.NotAfter) - parts.Time.GetUtcNow()).TotalSeconds;

    /// <summary>Renews it whenever it is due, and at once when it lacks a host that children may dial.</summary>
    public Task RunAsync(CancellationToken stop)
    {
        var log = parts.Loggers.CreateLogger("Ote.Cluster.Identity");
        var hosts = OwnHosts.Of(options);
        var had = identity.Current.Hosts.Select(HostPolicy.Normalize).ToHashSet(StringComparer.Ordinal);
        var client = new RenewalClient(identity, hosts, directory, AskAsync, log);
        Func<CancellationToken, Task<ClusterIdentity>> renew = authority is not null
            ? _ => Task.FromResult(authority.CreateIdentity(identity.Current.Peer, hosts))
            : client.RenewAsync;
        return new CertificateRenewer(identity, renew, parts.Time, parts.Random, log).RunAsync(!hosts.All(h => had.Contains(HostPolicy.Normalize(h))), stop);
    }

    private Task<JoinAnswer> AskAsync(JoinRequest request, CancellationToken ct) => uplink.Link is not null
        ? joins.AskAsync(request, ct)
        : new JoinDoor(parts.Time).AskAsync(options.Parent!, identity.Current.Authority, request, ct);
}
