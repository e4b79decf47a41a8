using System.Text.Json.Nodes;
using Ote.Ctl.Cli;
using Ote.Kube.Objects;
using Ote.Kube.Resources;

namespace Ote.Ctl.Setup;

/// <summary>
/// What a real Kubernetes needs to show the fleet besides the way there (<see cref="FleetWay"/>): the rights of who serves it, and a role for who may see all of it. Pure.
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
        FleetWay.ApiServices,
    ];

    // Kinds as clusters report them by default.
    private static readonly string[] Shown =
    [
        "pods", "nodes", "services", "events", "persistentvolumeclaims", "deployments.apps", "statefulsets.apps", "daemonsets.apps", "jobs.batch", "cronjobs.batch", "ingresses.networking.k8s.io",
        "endpointslices.discovery.k8s.io",
    ];

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
        # Asks who may, and keeps the way to itself up.
        apiVersion: rbac.authorization.k8s.io/v1
        kind: ClusterRole
        metadata: {name: {{FleetApi.Name}}}
        rules:
        - {apiGroups: [authorization.k8s.io], resources: [subjectaccessreviews], verbs: [create]}
        - {apiGroups: [apiregistration.k8s.io], resources: [apiservices], resourceNames: [{{FleetApi.ApiService}}], verbs: [get, patch]}
        ---
        # Sees the whole fleet. Bind it to whom that is for.
        apiVersion: rbac.authorization.k8s.io/v1
        kind: ClusterRole
        metadata: {name: {{FleetApi.Name}}-viewer}
        rules:
        - {apiGroups: [{{FleetApi.Group}}], resources: ["*"], verbs: [get, list, watch]}
        - {apiGroups: [ote.baidu.com], resources: [{{string.Join(", ", Shown.Select(s => $"clusters/{s}"))}}], verbs: [get, list, watch]}
        ---
        # Says where it serves, and how controller managers come to the root; these divide the clusters among them.
        apiVersion: rbac.authorization.k8s.io/v1
        kind: Role
        metadata: {name: {{FleetApi.Name}}, namespace: {{GlobalOptions.ControlNamespace}}}
        rules:
        - {apiGroups: [""], resources: [configmaps, secrets, services, endpoints], verbs: [create]}
        - {apiGroups: [""], resources: [configmaps], resourceNames: [{{FleetApi.Name}}], verbs: [get, patch]}
        - {apiGroups: [""], resources: [services, endpoints], resourceNames: [{{FleetApi.Name}}], verbs: [get, patch, delete]}
        - {apiGroups: [""], resources: [secrets], resourceNames: [{{FollowSecret.Name}}], verbs: [get, patch]}
        - {apiGroups: [coordination.k8s.io], resources: [leases], verbs: [create]}
        - {apiGroups: [coordination.k8s.io], resources: [leases], resourceNames: [{{string.Join(", ", FleetLeases.All)}}], verbs: [get, update]}
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
}
