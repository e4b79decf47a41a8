using System.Globalization;
using System.Text.Json.Nodes;
using Ote.EdgeCluster.Workloads;
using Ote.Kube.Objects;

namespace Ote.EdgeCluster.Services;

/// <summary>The EndpointSlices and the Endpoints of a Service. Pure.</summary>
/// <param name="Slices">The slices there are to be, by name; without version.</param>
/// <param name="Endpoints">The Endpoints object there is to be.</param>
internal sealed record EndpointDecision(IReadOnlyList<JsonObject> Slices, JsonObject Endpoints)
{
    /// <summary>The label by which a slice's Service is known.</summary>
    public const string ServiceLabel = "kubernetes.io/service-name";

    /// <summary>The label that says who keeps a slice.</summary>
    public const string ManagedByLabel = "endpointslice.kubernetes.io/managed-by";

    /// <summary>Who keeps the slices made here.</summary>
    public const string Manager = "endpointslice-controller.k8s.io";

    private const int MostInSlice = 100;
    private const int MostInEndpoints = 1000;

    /// <summary>Makes them of the pods a Service selects.</summary>
    /// <param name="service">The Service; one with a selector.</param>
    /// <param name="pods">The pods it selects.</param>
    /// <param name="zoneOf">The zone of a node, where it has one.</param>
    public static EndpointDecision Decide(JsonObject service, IEnumerable<JsonObject> pods, Func<string, string?> zoneOf)
    {
        var early = service.Truth("spec", "publishNotReadyAddresses") == true;
        var reached = pods.Where(p => p.Text("status", "podIP") is { Length: > 0 } && !p.IsOver()).OrderBy(p => p.Name(), StringComparer.Ordinal).ToList();

        // Pods that map a named port to different numbers are told apart by their ports.
        var groups = reached.Select(p => (Pod: p, Ports: Ports(service, p))).GroupBy(p => p.Ports.ToJsonString(), StringComparer.Ordinal).OrderBy(g => g.Key, StringComparer.Ordinal).ToList();
        List<JsonObject> slices = [];
        foreach (var group in groups)
        {
            foreach (var chunk in group.Chunk(MostInSlice))
            {
                slices.Add(Slice(service, slices.Count, new JsonArray([.. chunk.Select(p => (JsonNode)Endpoint(service, p.Pod, early, zoneOf))]), chunk[0].Ports));
            }
        }

        if (slices.Count == 0)
        {
            slices.Add(Slice(service, 0, [], []));
        }

        return new EndpointDecision(slices, OldForm(service, groups.SelectMany(g => g).ToList(), early));
    }

    /// <summary>Whether what is stored says the same as what is wanted.</summary>
    public static bool Same(JsonObject stored, JsonObject wanted) =>
        wanted.All(field => field.Key is "metadata" or "kind" or "apiVersion" || JsonNode.DeepEquals(stored[field.Key], field.Value))
        && stored.All(field => field.Key is "metadata" or "kind" or "apiVersion" || wanted.ContainsKey(field.Key))
        && (wanted.Labels() ?? []).All(label => stored.Text("metadata", "labels", label.Key) == label.Value.Text());

    private static bool IsServing(JsonObject pod) => pod.IsReady();

    private static JsonObject Slice(JsonObject service, int number, JsonArray endpoints, JsonArray ports)
    {
        var labels = (service.Labels() ?? []).Copy();
        labels[ServiceLabel] = service.Name();
        labels[ManagedByLabel] = Manager;
        if (service.Text("spec", "clusterIP") == "None")
        {
            labels["service.kubernetes.io/headless"] = "";
        }

        return new JsonObject
        {
            ["apiVersion"] = Kinds.EndpointSlices.ApiVersion,
            ["kind"] = Kinds.EndpointSlices.Kind,
            ["metadata"] = new JsonObject
            {
                ["name"] = string.Create(CultureInfo.InvariantCulture, $"{service.Name()}-{number}"),
                ["namespace"] = service.Namespace(),
                ["labels"] = labels,
                ["ownerReferences"] = new JsonArray(Owners.Reference(service, Kinds.Services)),
            },
            ["addressType"] = "IPv4",
            ["endpoints"] = endpoints,
            ["ports"] = ports.DeepClone(),
        };
    }

    private static JsonObject Endpoint(JsonObject service, JsonObject pod, bool early, Func<string, string?> zoneOf)
    {
        var serving = IsServing(pod);
        var endpoint = new JsonObject
        {
            ["addresses"] = new JsonArray(pod.Text("status", "podIP")!),
            ["conditions"] = new JsonObject { ["ready"] = early || (serving && !pod.IsDeleting()), ["serving"] = early || serving, ["terminating"] = pod.IsDeleting() },
            ["targetRef"] = Target(pod),
        };
        if (pod.NodeName() is { } node)
        {
            endpoint["nodeName"] = node;
            if (zoneOf(node) is { } zone)
            {
                endpoint["zone"] = zone;
            }
        }

        if (HostName(service, pod) is { } host)
        {
            endpoint["hostname"] = host;
        }

        return endpoint;
    }

    private static JsonObject Target(JsonObject pod) =>
        new() { ["kind"] = "Pod", ["name"] = pod.Name(), ["namespace"] = pod.Namespace(), ["uid"] = pod.Uid() };

    private static string? HostName(JsonObject service, JsonObject pod) =>
        pod.Text("spec", "subdomain") == service.Name() && pod.Text("spec", "hostname") is { Length: > 0 } host ? host : null;

    private static JsonArray Ports(JsonObject service, JsonObject pod)
    {
        var ports = new JsonArray();
        foreach (var port in service.Items("spec", "ports") ?? [])
        {
            var target = port.Whole("targetPort") ?? (port.Text("targetPort") is { } name ? Named(pod, name, port.Text("protocol") ?? "TCP") : port.Whole("port"));
            if (target is null)
            {
                continue;
            }

            var one = new JsonObject { ["name"] = port.Text("name") ?? "", ["port"] = target, ["protocol"] = port.Text("protocol") ?? "TCP" };
            if (port.Text("appProtocol") is { } app)
            {
                one["appProtocol"] = app;
            }

            ports.Add((JsonNode)one);
        }

        return ports;
    }

    private static long? Named(JsonObject pod, string name, string protocol) =>
        (pod.Items("spec", "containers") ?? []).SelectMany(c => c.Items("ports") ?? [])
            .FirstOrDefault(p => p.Text("name") == name && (p.Text("protocol") ?? "TCP") == protocol).Whole("containerPort");

    private static JsonObject OldForm(JsonObject service, List<(JsonObject Pod, JsonArray Ports)> pods, bool early)
    {
        var subsets = new JsonArray();
        foreach (var group in pods.Where(p => !p.Pod.IsDeleting()).Take(MostInEndpoints).GroupBy(p => p.Ports.ToJsonString(), StringComparer.Ordinal))
        {
            var subset = new JsonObject();
            foreach (var (name, ready) in (ReadOnlySpan<(string, bool)>)[("addresses", true), ("notReadyAddresses", false)])
            {
                var addresses = new JsonArray([.. group.Where(p => (early || IsServing(p.Pod)) == ready).Select(p => (JsonNode)Address(service, p.Pod))]);
                if (addresses.Count > 0)
                {
                    subset[name] = addresses;
                }
            }

            var ports = (JsonArray)group.First().Ports.DeepClone();
            foreach (var port in ports.OfType<JsonObject>().Where(p => p.Text("name") == ""))
            {
                port.Remove("name");
            }

            if (ports.Count > 0)
            {
                subset["ports"] = ports;
            }

            subsets.Add((JsonNode)subset);
        }

        var endpoints = new JsonObject
        {
            ["apiVersion"] = "v1",
            ["kind"] = "Endpoints",
            ["metadata"] = new JsonObject
            {
                ["name"] = service.Name(),
                ["namespace"] = service.Namespace(),
                ["labels"] = (service.Labels() ?? []).DeepClone(),
                ["ownerReferences"] = new JsonArray(Owners.Reference(service, Kinds.Services)),
            },
        };
        if (subsets.Count > 0)
        {
            endpoints["subsets"] = subsets;
        }

        return endpoints;
    }

    private static JsonObject Address(JsonObject service, JsonObject pod)
    {
        var address = new JsonObject { ["ip"] = pod.Text("status", "podIP"), ["targetRef"] = Target(pod) };
        if (pod.NodeName() is { } node)
        {
            address["nodeName"] = node;
        }

        if (HostName(service, pod) is { } host)
        {
            address["hostname"] = host;
        }

        return address;
    }
}
