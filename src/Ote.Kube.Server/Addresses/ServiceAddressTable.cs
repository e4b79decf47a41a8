using System.Net;
using System.Text.Json.Nodes;
using Ote.Kube.Objects;
using Ote.Kube.Server.Http;
using Ote.Kube.Server.Lifecycle;
using Ote.Kube.Server.Schema;
using Ote.Kube.Server.Store;

namespace Ote.Kube.Server.Addresses;

/// <summary>
/// Deals out cluster IPs and node ports, and refuses those that another Service has. Which are taken follows from the Services that are stored: nothing of it is kept
/// elsewhere, so a restart forgets nothing and a deletion frees at once. Thread-safe.
/// </summary>
/// <param name="range">The cluster IPs, of IPv4; the first and the last one are not dealt out.</param>
internal sealed class ServiceAddressTable(IPNetwork range)
{
    /// <summary>Where Services lie in the store.</summary>
    public const string Resource = "/services";

    private readonly Lock _gate = new();
    private readonly ClusterAddresses _addresses = new(range);
    private readonly NumberPool _ports = NodePorts.Pool();
    private readonly Dictionary<string, (int? Address, int[] Ports)> _stored = new(StringComparer.Ordinal);

    /// <summary>Reads what is stored.</summary>
    public async Task LoadAsync(ObjectStore store, CancellationToken cancellation)
    {
        await foreach (var page in StoreScan.PagesAsync(store, Resource, null, cancellation).ConfigureAwait(false))
        {
            page.ForEach(stored => Note(ObjectJson.Stored(stored.Json), gone: false));
        }
    }

    /// <summary>Takes in one commit; called in commit order.</summary>
    public void On(Change change)
    {
        if (change.Key.Resource == Resource)
        {
            Note(ObjectJson.Stored(change.Json), change.Kind == ChangeKind.Deleted);
        }
    }

    /// <summary>Claims what a Service that is about to be stored names, and fills in what it lacks.</summary>
    /// <param name="kind">The kind, for the words of a refusal.</param>
    /// <param name="service">The Service, with its uid; changed in place.</param>
    /// <param name="old">As it is stored; null when it is new.</param>
    /// <returns>The claims: to be disposed when the write has ended.</returns>
    /// <exception cref="ApiError">422: another Service has it, or it is out of range. 500: all are taken.</exception>
    public IDisposable Claim(KindInfo kind, JsonObject service, JsonObject? old)
    {
        var claims = new ServiceClaims(_gate, _addresses, _ports);
        try
        {
            lock (_gate)
            {
                claims.Take(kind, service, old);
            }

            return claims;
        }
        catch
        {
            claims.Dispose();
            throw;
        }
    }

    private void Note(JsonObject service, bool gone)
    {
        var uid = service.Uid();
        int? address = gone || !ServiceFields.NeedsAddress(service) ? null : _addresses.Number(ServiceFields.Address(service));
        int[] ports = gone ? [] : [.. ServiceFields.NodePorts(service).Where(_ports.Contains).Select(number => (int)number)];
        lock (_gate)
        {
            var (hadAddress, hadPorts) = _stored.GetValueOrDefault(uid, (null, []));
            if (hadAddress is { } left && left != address)
            {
                _addresses.Pool.Unstore(left, uid);
            }

            foreach (var number in hadPorts.Except(ports))
            {
                _ports.Unstore(number, uid);
            }

            if (address is { } has)
            {
                _addresses.Pool.Store(has, uid);
            }

            foreach (var number in ports)
            {
                _ports.Store(number, uid);
            }

            if (address is null && ports.Length == 0)
            {
                _stored.Remove(uid);
            }
            else
            {
                _stored[uid] = (address, ports);
            }
        }
    }
}
