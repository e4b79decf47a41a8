using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Ote.Ctl.Cli;
using Ote.Kube.Objects;
using Ote.Kube.Resources;

namespace Ote.Ctl.Setup;

/// <summary>
/// What a real Kubernetes needs to show the fleet: the rights of who serves it, a role for who may see all of it, and the way its API server takes. Pure.
/// </summary>
internal static class FleetObjects
{
    /// <summary>The kinds of these objects, in the order in which they are applied.</summary>
    internal static readonly IReadOnlyList<ResourceRef> AllKinds =
    [
        new("", "v1", "serviceaccounts", "ServiceAccount", true),
        new("rbac.authorization.k8s.io", "v1", "clusterroles", "ClusterRole", false),
        new("rbac.authorization.k8s.io", "v1", "roles", "Role", true),
        new("rbac.authorization.k8s.io", "v1", "clusterrolebindings", "ClusterRoleBinding", false),
        new("rbac.authorization.k8s.io", "v1", "rolebindings", "RoleBinding", true),
        Kinds.Services,
        Kinds.Endpoints,
        ApiServices,
    ];

    private const int ServicePort = 443;

    // Kinds as clusters report them by default.
    private static readonly string[] Shown =
    [
        "pods", "nodes", "services", "events", "persistentvolumeclaims", "deployments.apps", "statefulsets.apps", "daemonsets.apps", "jobs.batch", "cronjobs.batch", "ingresses.networking.k8s.io",
        "endpointslices.discovery.k8s.io",
    ];

    /// <summary>apiregistration.k8s.io/v1 APIService.</summary>
    internal static ResourceRef ApiServices => new("apiregistration.k8s.io", "v1", "apiservices", "APIService", false);

    /// <summary>The kind of one of these objects.</summary>
    internal static ResourceRef KindOf(JsonObject obj) => AllKinds.Single(k => k.Kind == obj.Text("kind"));

    /// <summary>A service account for who serves the fleet, and its rights, and no others; and a role, given to nobody, for who may see all of it.</summary>
    /// <param name="user">The user of the root's kubeconfig, which has the same rights.</param>
    internal static IReadOnlyList<JsonObject> Rights(string user) => [.. Yaml.Read(
        $$"""
        apiVersion: v1
        kind: ServiceAccount
        metadata: {name: {{FleetApi.Name}}, namespace: {{GlobalOptions.ControlNamespace}}}
        ---
        # Asks who may.
        apiVersion: rbac.authorization.k8s.io/v1
        kind: ClusterRole
        metadata: {name: {{FleetApi.Name}}}
        rules:
        - {apiGroups: [authorization.k8s.io], resources: [subjectaccessreviews], verbs: [create]}
        ---
        # Sees the whole fleet. Bind it to whom that is for.
        apiVersion: rbac.authorization.k8s.io/v1
        kind: ClusterRole
        metadata: {name: {{FleetApi.Name}}-viewer}
        rules:
        - {apiGroups: [{{FleetApi.Group}}], resources: ["*"], verbs: [get, list, watch]}
        - {apiGroups: [ote.baidu.com], resources: [{{string.Join(", ", Shown.Select(s => $"clusters/{s}"))}}], verbs: [get, list, watch]}
        ---
        # Says where it serves.
        apiVersion: rbac.authorization.k8s.io/v1
        kind: Role
        metadata: {name: {{FleetApi.Name}}, namespace: {{GlobalOptions.ControlNamespace}}}
        rules:
        - {apiGroups: [""], resources: [configmaps], verbs: [create]}
        - {apiGroups: [""], resources: [configmaps], resourceNames: [{{FleetApi.Name}}], verbs: [get, patch]}
        ---
        apiVersion: rbac.authorization.k8s.io/v1
        kind: ClusterRoleBinding
        metadata: {name: {{FleetApi.Name}}}
        roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: {{FleetApi.Name}}}
        ---
        apiVersion: rbac.authorization.k8s.io/v1
        kind: RoleBinding
        metadata: {name: {{FleetApi.Name}}, namespace: {{GlobalOptions.ControlNamespace}}}
        roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: {{FleetApi.Name}}}
        ---
        # Reads whom to believe.
        apiVersion: rbac.authorization.k8s.io/v1
        kind: RoleBinding
        metadata: {name: {{FleetApi.Name}}, namespace: kube-system}
        roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: extension-apiserver-authentication-reader}
        """).Cast<JsonObject>().Select(o => WithSubjects(o, user))];

    /// <summary>The way to the server: a Service with its Endpoints where that is an IP address, one by an external name where it is a name; and the APIService.</summary>
    /// <param name="host">The host, a name or an IP address.</param>
    /// <param name="port">The port.</param>
    /// <param name="authority">The authority of its serving certificate, PEM.</param>
    internal static IReadOnlyList<JsonObject> Way(string host, int port, string authority)
    {
        var isAddress = IPAddress.TryParse(host, out _);
        var service = Object("v1", "Service", FleetApi.Name, GlobalOptions.ControlNamespace);
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
            ["service"] = new JsonObject { ["name"] = FleetApi.Name, ["namespace"] = GlobalOptions.ControlNamespace, ["port"] = isAddress ? ServicePort : port },
            ["caBundle"] = Convert.ToBase64String(Encoding.UTF8.GetBytes(authority)),
        };
        if (!isAddress)
        {
            return [service, api];
        }

        var endpoints = Object("v1", "Endpoints", FleetApi.Name, GlobalOptions.ControlNamespace);
        endpoints["subsets"] = new JsonArray(new JsonObject
        {
            ["addresses"] = new JsonArray(new JsonObject { ["ip"] = host }),
            ["ports"] = new JsonArray(new JsonObject { ["name"] = "https", ["port"] = port, ["protocol"] = "TCP" }),
        });
        return [service, endpoints, api];
    }

    private static JsonObject WithSubjects(JsonObject obj, string user)
    {
        if (obj.Text("kind") is "ClusterRoleBinding" or "RoleBinding")
        {
            obj["subjects"] = new JsonArray(
                new JsonObject { ["kind"] = "ServiceAccount", ["name"] = FleetApi.Name, ["namespace"] = GlobalOptions.ControlNamespace },
                new JsonObject { ["kind"] = "User", ["apiGroup"] = "rbac.authorization.k8s.io", ["name"] = user });
        }

        return obj;
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
