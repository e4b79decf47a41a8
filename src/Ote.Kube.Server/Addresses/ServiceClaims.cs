using System.Text.Json.Nodes;
using Ote.Kube.Objects;
using Ote.Kube.Server.Http;
using Ote.Kube.Server.Schema;

namespace Ote.Kube.Server.Addresses;

/// <summary>What one Service that is about to be stored claims: disposed when its write has ended. Not thread-safe but for that.</summary>
/// <param name="gate">Guards the pools. Held by whoever takes.</param>
/// <param name="addresses">The cluster IPs.</param>
/// <param name="nodePorts">The node ports.</param>
internal sealed class ServiceClaims(Lock gate, ClusterAddresses addresses, NumberPool nodePorts) : IDisposable
{
    private readonly List<(NumberPool Pool, int Number)> _numbers = [];

    /// <summary>Claims what the Service names, and fills in what it lacks.</summary>
    /// <exception cref="ApiError">422: another Service has it, or it is out of range. 500: all are taken.</exception>
    public void Take(KindInfo kind, JsonObject service, JsonObject? old)
    {
        Address(kind, service, old);
        Ports(kind, service, old);
        HealthPort(service, old);
    }

    public void Dispose()
    {
        lock (gate)
        {
            _numbers.ForEach(claim => claim.Pool.Unclaim(claim.Number));
            _numbers.Clear();
        }
    }

    private void Address(KindInfo kind, JsonObject service, JsonObject? old)
    {
        var asked = ServiceFields.Address(service);
        if (!ServiceFields.NeedsAddress(service) || (asked.Length > 0 && old is not null && asked == ServiceFields.Address(old)))
        {
            return;
        }

        if (asked.Length == 0)
        {
            asked = addresses.Text(addresses.Pool.ClaimFree(service.Uid(), service.Uid()) is { } free
                ? Add(addresses.Pool, free) : throw ApiError.Internal("failed to allocate a serviceIP: range is full"));
        }
        else if (addresses.Number(asked) is not { } number || !addresses.Pool.Contains(number))
        {
            throw NoAddress(kind, service, asked, $"provided IP is not in the valid range. The range of valid IPs is {addresses.Range}");
        }
        else
        {
            Add(addresses.Pool, addresses.Pool.TryClaim(number, service.Uid()) ? number : throw NoAddress(kind, service, asked, "provided IP is already allocated"));
        }

        service.Child("spec")["clusterIP"] = asked;
        service.Child("spec")["clusterIPs"] = new JsonArray(asked);
    }

    private void Ports(KindInfo kind, JsonObject service, JsonObject? old)
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
                    given = Add(nodePorts, nodePorts.ClaimFree(service.Uid(), service.Uid() + ports[i].Text("name")) ?? throw ApiError.Internal("failed to allocate a nodePort: range is full"));
                }
                else if (shared.ContainsValue(given) || !ClaimPort(service, given, had))
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

    private void HealthPort(JsonObject service, JsonObject? old)
    {
        if (!ServiceFields.NeedsHealthPort(service))
        {
            return;
        }

        var asked = service.Whole("spec", "healthCheckNodePort") ?? 0;
        if (asked == 0)
        {
            service.Child("spec")["healthCheckNodePort"] = Add(
                nodePorts, nodePorts.ClaimFree(service.Uid(), service.Uid() + "/health") ?? throw ApiError.Internal("failed to allocate a HealthCheck NodePort: range is full"));
        }
        else if (!ClaimPort(service, asked, old is null ? [] : ServiceFields.NodePorts(old).ToHashSet()))
        {
            throw ApiError.Internal($"failed to allocate requested HealthCheck NodePort {asked}: {WhyNot(asked)}");
        }
    }

    /// <summary>False when it is not to be had. One that the Service has already is not judged again.</summary>
    private bool ClaimPort(JsonObject service, long number, HashSet<long> had)
    {
        if (had.Contains(number))
        {
            return true;
        }

        if (!nodePorts.Contains(number) || !nodePorts.TryClaim((int)number, service.Uid()))
        {
            return false;
        }

        Add(nodePorts, (int)number);
        return true;
    }

    private ApiError NoPort(KindInfo kind, JsonObject service, int index, long number) => ApiError.Invalid(
        kind, service.Name(), [("FieldValueInvalid", $"Invalid value: {number}: {WhyNot(number)}", $"spec.ports[{index}].nodePort")]);

    private string WhyNot(long number) => nodePorts.Contains(number)
        ? "provided port is already allocated" : $"provided port is not in the valid range. The range of valid ports is {NodePorts.First}-{NodePorts.Last}";

    private static ApiError NoAddress(KindInfo kind, JsonObject service, string address, string why) => ApiError.Invalid(
        kind, service.Name(), [("FieldValueInvalid", $"Invalid value: []string{{\"{address}\"}}: failed to allocated ip:{address} with error:{why}", "spec.clusterIPs")]);

    private int Add(NumberPool pool, int number)
    {
        _numbers.Add((pool, number));
        return number;
    }
}
