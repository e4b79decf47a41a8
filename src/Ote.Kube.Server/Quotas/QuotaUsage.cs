using System.Text.Json.Nodes;
using Ote.Kube.Objects;
using Ote.Kube.Server.Schema.Validation;

namespace Ote.Kube.Server.Quotas;

/// <summary>What one object uses of what quotas limit, and which names of quotas speak of its resource. Pure. Resources are those of the store, such as <c>apps/deployments</c>.</summary>
internal static class QuotaUsage
{
    public const string Pods = "/pods";
    public const string Claims = "/persistentvolumeclaims";
    public const string Services = "/services";

    private const string Count = "count/";
    private const string OfClass = ".storageclass.storage.k8s.io/";

    // Of these the plain name counts too.
    private static readonly HashSet<string> s_plain =
        ["/configmaps", "/secrets", "/resourcequotas", "/replicationcontrollers", Pods, Claims, Services];

    /// <summary>Whether a name in a quota speaks of a resource.</summary>
    public static bool Concerns(string resource, string name) =>
        resource.Length > 0 && resource != "/events" && (name == CountOf(resource) || (s_plain.Contains(resource) && name == resource[1..]) || resource switch
        {
            Pods => PodUsage.Concerns(name),
            Services => name is "services.nodeports" or "services.loadbalancers",
            Claims => name == "requests.storage" || name.EndsWith(OfClass + "requests.storage", StringComparison.Ordinal) || name.EndsWith(OfClass + "persistentvolumeclaims", StringComparison.Ordinal),
            _ => false,
        });

    /// <summary>The resource that a name speaks of; null when it cannot be told.</summary>
    public static string? ResourceOf(string name)
    {
        if (name.StartsWith(Count, StringComparison.Ordinal))
        {
            var dot = name.IndexOf('.', StringComparison.Ordinal);
            return dot < 0 ? "/" + name[Count.Length..] : $"{name[(dot + 1)..]}/{name[Count.Length..dot]}";
        }

        return s_plain.Contains("/" + name) ? "/" + name : ((ReadOnlySpan<string>)[Pods, Services, Claims]).ToArray().FirstOrDefault(resource => Concerns(resource, name));
    }

    /// <summary>What an object uses.</summary>
    /// <param name="resource">Its resource.</param>
    /// <param name="obj">The object.</param>
    /// <param name="now">For pods that should be gone.</param>
    public static Dictionary<string, Amount> Of(string resource, JsonObject obj, DateTimeOffset now)
    {
        var used = new Dictionary<string, Amount>(StringComparer.Ordinal) { [CountOf(resource)] = Amount.Of(1) };
        switch (resource)
        {
            case Pods:
                PodUsage.AddTo(used, obj, now);
                break;
            case Services:
                AddService(used, obj);
                break;
            case Claims:
                AddClaim(used, obj);
                break;
            case var plain when s_plain.Contains(plain):
                used[plain[1..]] = Amount.Of(1);
                break;
        }

        return used;
    }

    private static string CountOf(string resource)
    {
        var slash = resource.IndexOf('/', StringComparison.Ordinal);
        return slash == 0 ? Count + resource[1..] : $"{Count}{resource[(slash + 1)..]}.{resource[..slash]}";
    }

    private static void AddService(Dictionary<string, Amount> used, JsonObject service)
    {
        var type = service.Text("spec", "type");
        var ports = service.Items("spec", "ports")?.Count ?? 0;
        used["services"] = Amount.Of(1);
        used["services.nodeports"] = Amount.Of(type == "NodePort" || (type == "LoadBalancer" && service.Truth("spec", "allocateLoadBalancerNodePorts") != false) ? ports : 0);
        used["services.loadbalancers"] = Amount.Of(type == "LoadBalancer" ? 1 : 0);
    }

    private static void AddClaim(Dictionary<string, Amount> used, JsonObject claim)
    {
        var storage = Amount.Read(claim.At("spec", "resources", "requests", "storage"));
        used["persistentvolumeclaims"] = Amount.Of(1);
        if (storage is { } asked)
        {
            used["requests.storage"] = asked;
        }

        if ((claim.Annotation("volume.beta.kubernetes.io/storage-class") ?? claim.Text("spec", "storageClassName")) is { Length: > 0 } ofClass)
        {
            used[ofClass + OfClass + "persistentvolumeclaims"] = Amount.Of(1);
            if (storage is { } ofIt)
            {
                used[ofClass + OfClass + "requests.storage"] = ofIt;
            }
        }
    }
}
