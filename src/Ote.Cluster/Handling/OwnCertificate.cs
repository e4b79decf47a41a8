using Ote.Cluster.Identity;
using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Handling;

/// <summary>Keeps a controller's own certificate young: the root certifies itself; any other asks by its link, or at its parent's door when it has none.</summary>
internal sealed class OwnCertificate(
    ClusterControllerOptions options, ClusterControllerParts parts, string directory, IdentitySource identity, RootAuthorities? authority, Uplink uplink, JoinRelay joins,
    Func<Uri, CancellationToken, Task> learn)
{
    /// <summary>Seconds until it ends; negative afterwards.</summary>
    public double SecondsLeft() => (new DateTimeOffset(identity.Current.Certificate.NotAfter) - parts.Time.GetUtcNow()).TotalSeconds;

    /// <summary>Renews it whenever it is due, and at once when it lacks a host that children may dial, or the proof of membership that comes with one.</summary>
    public Task RunAsync(CancellationToken stop)
    {
        var log = parts.Loggers.CreateLogger("Ote.Cluster.Identity");
        var hosts = OwnHosts.Of(options);
        var had = identity.Current.Hosts.Select(HostPolicy.Normalize).ToHashSet(StringComparer.Ordinal);
        var client = new RenewalClient(identity, hosts, directory, AskAsync, log);

        // The root has nobody to crowd, and everybody waits for its certificate when its CA is exchanged.
        Func<CancellationToken, Task<ClusterIdentity>> renew = authority is not null
            ? _ => Task.FromResult(authority.Active.CreateIdentity(identity.Current.Peer, hosts))
            : client.RenewAsync;
        var atOnce = identity.Current.Membership.IsEmpty || !hosts.All(h => had.Contains(HostPolicy.Normalize(h)));
        return new CertificateRenewer(identity, renew, parts.Time, authority is null ? parts.Random : static () => 0, log).RunAsync(atOnce, stop);
    }

    private async Task<JoinAnswer> AskAsync(JoinRequest request, CancellationToken ct)
    {
        if (uplink.Link is not null)
        {
            return await joins.AskAsync(request, ct).ConfigureAwait(false);
        }

        if (parts.Door is { } door)
        {
            return await door(options.Parent!, request, ct).ConfigureAwait(false);
        }

        // The CA may have been exchanged while there was no link: then neither the parent nor the answer would be believed.
        await learn(options.Parent!, ct).ConfigureAwait(false);
        return await new JoinDoor(parts.Time).AskAsync(options.Parent!, identity.Trust, request, ct).ConfigureAwait(false);
    }
}
