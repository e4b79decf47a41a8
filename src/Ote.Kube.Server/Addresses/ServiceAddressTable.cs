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

    private const int FirstPort = 30000;
    private const int LastPort = 32767;

    private readonly Lock _gate = new();
    private readonly ClusterAddresses _range = new(range);
    private readonly NumberPool _addresses = ClusterAddresses.PoolOf(range);
    private readonly NumberPool _ports = new(FirstPort, LastPort - FirstPort + 1, 86);
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
        var claims = new Claims(this);
        try
        {
            lock (_gate)
            {
                ClaimAddress(claims, kind, service, old);
                ClaimPorts(claims, kind, service, old);
                ClaimHealthPort(claims, service, old);
            }

            return claims;
        }
        catch
        {
            claims.Dispose();
            throw;
        }
    }

    private void ClaimAddress(Claims claims, KindInfo kind, JsonObject service, JsonObject? old)
    {
        var asked = ServiceFields.Address(service);
        if (!ServiceFields.NeedsAddress(service) || (asked.Length > 0 && old is not null && asked == ServiceFields.Address(old)))
        {
            return;
        }

        if (asked.Length == 0)
        {
            asked = _range.Text(_addresses.ClaimFree(service.Uid(), service.Uid()) is { } free
                ? claims.Add(_addresses, free) : throw ApiError.Internal("failed to allocate a serviceIP: range is full"));
        }
        else if (_range.Number(asked) is not { } number || !_addresses.Contains(number))
        {
            throw NoAddress(kind, service, asked, $"provided IP is not in the valid range. The range of valid IPs is {range}");
        }
        else
        {
            claims.Add(_addresses, _addresses.TryClaim(number, service.Uid()) ? number : throw NoAddress(kind, service, asked, "provided IP is already allocated"));
        }

        service.Child("spec")["clusterIP"] = asked;
        service.Child("spec")["clusterIPs"] = new JsonArray(asked);
    }

    private void ClaimPorts(Claims claims, KindInfo kind, JsonObject service, JsonObject? old)
    {
        var ports = ServiceFields.Ports(service);
        var had = old is null ? [] : ServiceFields.NodePorts(old).ToHashSet();
        // Ports of one number, such as 53 of TCP and of UDP, share a node port.
        var shared = new Dictionary<long, long>();
        for (var i = 0; i < ports.Count; i++)
        {
            var number = ports[i].Whole("port") ?? 0;
            var asked = ports[i].Whole("nodePort") ?? 0;
            if (!shared.TryGetValue(number, out var given) || (asked != 0 && asked != given))
            {
                given = asked != 0 ? asked : ports.Where(port => port.Whole("port") == number).Select(port => port.Whole("nodePort") ?? 0).FirstOrDefault(wanted => wanted != 0);
                if (given == 0 && !ServiceFields.NeedsNodePorts(service))
                {
                    continue;
                }

                if (given == 0)
                {
                    given = claims.Add(_ports, _ports.ClaimFree(service.Uid(), service.Uid() + ports[i].Text("name")) ?? throw ApiError.Internal("failed to allocate a nodePort: range is full"));
                }
                else if (shared.ContainsValue(given) || !ClaimPort(claims, service, given, had))
                {
                    throw NoPort(kind, service, i, given);
                }

                shared[number] = given;
            }

            if (asked == 0)
            {
                ports[i]["nodePort"] = given;
            }
        }
    }

    private void ClaimHealthPort(Claims claims, JsonObject service, JsonObject? old)
    {
        if (!ServiceFields.NeedsHealthPort(service))
        {
            return;
        }

        var asked = service.Whole("spec", "healthCheckNodePort") ?? 0;
        if (asked == 0)
        {
            service.Child("spec")["healthCheckNodePort"] = claims.Add(
                _ports, _ports.ClaimFree(service.Uid(), service.Uid() + "/health") ?? throw ApiError.Internal("failed to allocate a HealthCheck NodePort: range is full"));
        }
        else if (!ClaimPort(claims, service, asked, old is null ? [] : ServiceFields.NodePorts(old).ToHashSet()))
        {
            throw ApiError.Internal($"failed to allocate requested HealthCheck NodePort {asked}: {WhyNot(asked)}");
        }
    }

    /// <summary>False when it is not to be had. One that the Service has already is not judged again.</summary>
    private bool ClaimPort(Claims claims, JsonObject service, long number, HashSet<long> had)
    {
        if (had.Contains(number))
        {
            return true;
        }

        if (!_ports.Contains(number) || !_ports.TryClaim((int)number, service.Uid()))
        {
            return false;
        }

        claims.Add(_ports, (int)number);
        return true;
    }

    private ApiError NoPort(KindInfo kind, JsonObject service, int index, long number) => ApiError.Invalid(
        kind, service.Name(), [("FieldValueInvalid", $"Invalid value: {number}: {WhyNot(number)}", $"spec.ports[{index}].nodePort")]);

    private string WhyNot(long number) => _ports.Contains(number)
        ? "provided port is already allocated" : $"provided port is not in the valid range. The range of valid ports is {FirstPort}-{LastPort}";

    private static ApiError NoAddress(KindInfo kind, JsonObject service, string address, string why) => ApiError.Invalid(
        kind, service.Name(), [("FieldValueInvalid", $"Invalid value: []string{{\"{address}\"}}: failed to allocated ip:{address} with error:{why}", "spec.clusterIPs")]);

    private void Note(JsonObject service, bool gone)
    {
        var uid = service.Uid();
        int? address = gone || !ServiceFields.NeedsAddress(service) ? null : _range.Number(ServiceFields.Address(service));
        int[] ports = gone ? [] : [.. ServiceFields.NodePorts(service).Where(_ports.Contains).Select(number => (int)number)];
        lock (_gate)
        {
            var (hadAddress, hadPorts) = _stored.GetValueOrDefault(uid, (null, []));
            if (hadAddress is { } left && left != address)
            {
                _addresses.Unstore(left, uid);
            }

            foreach (var number in hadPorts.Except(ports))
            {
                _ports.Unstore(number, uid);
            }

            if (address is { } has)
            {
                _addresses.Store(has, uid);
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

    private sealed class Claims(ServiceAddressTable table) : IDisposable
    {
        private readonly List<(NumberPool Pool, int Number)> _numbers = [];

        public int Add(NumberPool pool, int number)
        {
            _numbers.Add((pool, number));
            return number;
        }

        public void Dispose()
        {
            lock (table._gate)
            {
                _numbers.ForEach(claim => claim.Pool.Unclaim(claim.Number));
                _numbers.Clear();
            }
        }
    }
}
