using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Ote.Kube.Client;
using Ote.Kube.Objects;

namespace Ote.Kube.Resources;

/// <summary>
/// The way of a real API server to who serves the fleet: a Service, with its Endpoints where that is an IP address and by an external name where it is a name, and an APIService.
/// </summary>
public static class FleetWay
{
    private const int ServicePort = 443;

    /// <summary>apiregistration.k8s.io/v1 APIService.</summary>
    public static ResourceRef ApiServices { get; } = new("apiregistration.k8s.io", "v1", "apiservices", "APIService", false);

    /// <summary>Takes <c>host:port</c> apart; null when it is none.</summary>
    public static (string Host, int Port)? Split(string address) =>
        Uri.TryCreate("https://" + address, UriKind.Absolute, out var uri) && uri is { PathAndQuery: "/", UserInfo: "" } && address.EndsWith($":{uri.Port}", StringComparison.Ordinal)
            ? (uri.DnsSafeHost, uri.Port)
            : null;

    /// <summary>The objects, in the order in which they are made.</summary>
    /// <param name="ns">The namespace of the Service.</param>
    /// <param name="host">Where it is served, a name or an IP address.</param>
    /// <param name="port">The port there.</param>
    /// <param name="authority">The authority of the serving certificate, PEM.</param>
    public static IReadOnlyList<JsonObject> Objects(string ns, string host, int port, string authority)
    {
        var isAddress = IPAddress.TryParse(host, out _);
        var service = Object("v1", "Service", FleetApi.Name, ns);
        service["spec"] = isAddress
            ? new JsonObject { ["ports"] = new JsonArray(new JsonObject { ["name"] = "https", ["port"] = ServicePort, ["targetPort"] = port, ["protocol"] = "TCP" }) }
            : new JsonObject { ["type"] = "ExternalName", ["externalName"] = host };
        var api = Object(ApiServices.ApiVersion, ApiServices.Kind, FleetApi.ApiService, null);
        api["spec"] = new JsonObject
        {
            ["group"] = FleetApi.Group,
            ["version"] = FleetApi.Version,
            // After everything else, so that `kubectl get pods` goes on to mean the cluster's own.
            ["groupPriorityMinimum"] = 100,
            ["versionPriority"] = 15,
            ["service"] = new JsonObject { ["name"] = FleetApi.Name, ["namespace"] = ns, ["port"] = isAddress ? ServicePort : port },
            ["caBundle"] = Convert.ToBase64String(Encoding.UTF8.GetBytes(authority)),
        };
        if (!isAddress)
        {
            return [service, api];
        }

        var endpoints = Object("v1", "Endpoints", FleetApi.Name, ns);
        endpoints["subsets"] = new JsonArray(new JsonObject
        {
            ["addresses"] = new JsonArray(new JsonObject { ["ip"] = host }),
            ["ports"] = new JsonArray(new JsonObject { ["name"] = "https", ["port"] = port, ["protocol"] = "TCP" }),
        });
        return [service, endpoints, api];
    }

    /// <summary>Makes the objects as they are to be, and takes away Endpoints of an address that it had before.</summary>
    /// <param name="api">The API server.</param>
    /// <param name="manager">Who writes.</param>
    /// <param name="objects">As <see cref="Objects"/> has them.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <returns>The objects as they are now.</returns>
    /// <exception cref="KubeStatusException">The server refuses.</exception>
    /// <exception cref="HttpRequestException">It cannot be reached.</exception>
    public static async Task<IReadOnlyList<JsonObject>> PutAsync(KubeClient api, string manager, IReadOnlyList<JsonObject> objects, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(api);
        ArgumentNullException.ThrowIfNull(objects);
        var made = new List<JsonObject>();
        foreach (var obj in objects)
        {
            made.Add(await PutAsync(api, manager, obj, cancellation).ConfigureAwait(false));
        }

        if (objects[0] is { } service && objects.All(o => o.Text("kind") != Kinds.Endpoints.Kind))
        {
            await api.DeleteAsync(Kinds.Endpoints, service.Namespace(), FleetApi.Name, cancellation).ConfigureAwait(false);
        }

        return made;
    }

    /// <summary>
    /// Not by server-side apply: the API server of Kubernetes 1.20 breaks the connection of who applies an APIService. A Service of another type is made anew, for what it was given as the former does not suit the latter.
    /// </summary>
    private static async Task<JsonObject> PutAsync(KubeClient api, string manager, JsonObject obj, CancellationToken cancellation)
    {
        var kind = obj.Text("kind") switch
        {
            "Service" => Kinds.Services,
            "Endpoints" => Kinds.Endpoints,
            _ => ApiServices,
        };
        var there = await api.GetAsync(kind, obj.Namespace(), obj.Name(), cancellation).ConfigureAwait(false);
        if (there is not null && kind == Kinds.Services && TypeOf(there) != TypeOf(obj))
        {
            await api.DeleteAsync(kind, obj.Namespace(), obj.Name(), cancellation).ConfigureAwait(false);
            there = null;
        }

        return there is null
            ? await api.CreateAsync(kind, obj.Namespace(), obj.Copy(), cancellation).ConfigureAwait(false)
            : await api.PatchAsync(kind, obj.Namespace(), obj.Name(), PatchKind.Merge, obj, cancellation, fieldManager: manager).ConfigureAwait(false);

        static string TypeOf(JsonObject of) => of.Text("spec", "type") ?? "ClusterIP";
    }

    private static JsonObject Object(string apiVersion, string kind, string name, string? ns)
    {
        var metadata = new JsonObject { ["name"] = name };
        if (ns is not null)
        {
            metadata["namespace"] = ns;
        }

        return new JsonObject { ["apiVersion"] = apiVersion, ["kind"] = kind, ["metadata"] = metadata };
    }
}
