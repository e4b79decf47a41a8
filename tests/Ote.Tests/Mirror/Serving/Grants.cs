using System.Text.Json.Nodes;
using Ote.Kube.Client;
using Ote.Kube.Objects;

namespace Ote.Tests.Mirror.Serving;

/// <summary>Rights on what one cluster has.</summary>
internal static class Grants
{
    /// <summary>Lets a user do something with a kind of one cluster, such as <c>clusters/pods</c>.</summary>
    public static async Task AllowAsync(KubeClient admin, string user, string resource, string cluster, params string[] verbs)
    {
        var name = resource.Replace('/', '-');
        await admin.CreateAsync(new ResourceRef("rbac.authorization.k8s.io", "v1", "clusterroles", "ClusterRole", false), null, (JsonObject)JsonNode.Parse($$"""
            {"apiVersion":"rbac.authorization.k8s.io/v1","kind":"ClusterRole","metadata":{"name":"{{name}}"},
             "rules":[{"apiGroups":["ote.baidu.com"],"resources":["{{resource}}"],"resourceNames":["{{cluster}}"],"verbs":["{{string.Join("\",\"", verbs)}}"]}]}
            """)!, TestContext.Current.CancellationToken);
        await admin.CreateAsync(new ResourceRef("rbac.authorization.k8s.io", "v1", "clusterrolebindings", "ClusterRoleBinding", false), null, (JsonObject)JsonNode.Parse($$"""
            {"apiVersion":"rbac.authorization.k8s.io/v1","kind":"ClusterRoleBinding","metadata":{"name":"{{name}}"},
             "roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"ClusterRole","name":"{{name}}"},"subjects":[{"apiGroup":"rbac.authorization.k8s.io","kind":"User","name":"{{user}}"}]}
            """)!, TestContext.Current.CancellationToken);
    }
}
