using System.Text.Json.Nodes;
using Ote.EdgeCluster.Workloads;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Kube.Reconciling;

namespace Ote.EdgeCluster.Namespaces;

/// <summary>
/// Puts into each namespace what people count on there: the ServiceAccount <c>default</c> and the ConfigMap <c>kube-root-ca.crt</c>. They are
/// looked for when the namespace appears or changes, and when the cluster starts.
/// </summary>
internal sealed class NamespaceController(ClusterView view, string authority) : IController
{
    public ResourceRef Kind => Kinds.Namespaces;

    public async Task<Next> ReconcileAsync(string key, CancellationToken cancellation)
    {
        if (view.Namespaces.Get(key) is not { } space || space.IsDeleting())
        {
            return Next.Done;
        }

        await PutAsync(Kinds.ServiceAccounts, key, "default", null, cancellation).ConfigureAwait(false);
        await PutAsync(Kinds.ConfigMaps, key, "kube-root-ca.crt", new JsonObject { ["ca.crt"] = authority }, cancellation).ConfigureAwait(false);
        return Next.Done;
    }

    private async Task PutAsync(ResourceRef kind, string ns, string name, JsonObject? data, CancellationToken cancellation)
    {
        if (await view.Client.GetAsync(kind, ns, name, cancellation).ConfigureAwait(false) is not null)
        {
            return;
        }

        var wanted = new JsonObject { ["apiVersion"] = kind.ApiVersion, ["kind"] = kind.Kind, ["metadata"] = new JsonObject { ["name"] = name, ["namespace"] = ns } };
        if (data is not null)
        {
            wanted["data"] = data;
        }

        try
        {
            await view.Client.CreateAsync(kind, ns, wanted, cancellation).ConfigureAwait(false);
        }
        catch (KubeStatusException refused) when (refused.IsAlreadyExists || refused.Code == 403)
        {
            // There meanwhile; or the namespace is going.
        }
    }
}
