namespace Ote.Kube.Resources;

/// <summary>How what clusters report is seen on a real Kubernetes: as a group of its own, which an APIService leads to. What says where, and by which authority, is a ConfigMap that its server writes.</summary>
public static class FleetApi
{
    /// <summary>The group of what is shown: <c>pods.fleet.ote.baidu.com</c>.</summary>
    public const string Group = "fleet.ote.baidu.com";

    /// <summary>Its version.</summary>
    public const string Version = "v1";

    /// <summary>The category of all its kinds: <c>kubectl get fleet</c>.</summary>
    public const string Category = "fleet";

    /// <summary>The Service that leads to the server, and the ConfigMap in which the server says where it is; both in the namespace of the root.</summary>
    public const string Name = "ote-fleet";

    /// <summary>Key of the ConfigMap: <c>host:port</c> at which the API server reaches it.</summary>
    public const string AddressKey = "address";

    /// <summary>Key of the ConfigMap: the authority of its serving certificate, PEM.</summary>
    public const string AuthorityKey = "ca.crt";

    /// <summary>The APIService: <c>v1.fleet.ote.baidu.com</c>.</summary>
    public const string ApiService = Version + "." + Group;

    /// <summary>The names by which an API server that comes by the Service checks the serving certificate.</summary>
    /// <param name="ns">The namespace of the Service.</param>
    public static IReadOnlyList<string> Hosts(string ns) => [$"{Name}.{ns}.svc", $"{Name}.{ns}.svc.cluster.local"];
}
