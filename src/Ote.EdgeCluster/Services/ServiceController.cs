using System.Text.Json.Nodes;
using Ote.EdgeCluster.Workloads;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Kube.Reconciling;
using Ote.Kube.Server.Selectors;

namespace Ote.EdgeCluster.Services;

/// <summary>
/// Keeps the EndpointSlices and Endpoints of Services, as <see cref="EndpointDecision"/> says, and shows where a LoadBalancer is reached. Their addresses come from
/// the API server. Nothing is forwarded: the pods are simulated.
/// </summary>
internal sealed class ServiceController(ClusterView view) : IController
{
    private const string Zone = "topology.kubernetes.io/zone";

    public ResourceRef Kind => Kinds.Services;

    public async Task<Next> ReconcileAsync(string key, CancellationToken cancellation)
    {
        if (view.Services.Get(key) is not { } service || service.IsDeleting())
        {
            return Next.Done;
        }

        if (service.Text("spec", "type") != "ExternalName" && string.IsNullOrEmpty(service.Text("spec", "clusterIP")))
        {
            // Left so by an earlier version that was ended in between: any change lets the API server fill in what lacks.
            service = await view.PatchAsync(Kinds.Services, service, [], cancellation).ConfigureAwait(false);
        }

        await BalanceAsync(service, cancellation).ConfigureAwait(false);
        if (service.Text("spec", "type") == "ExternalName" || service.At("spec", "selector") is not JsonObject { Count: > 0 } selector)
        {
            // Whoever leaves out the selector writes the endpoints.
            return Next.Done;
        }

        var (label, value) = selector.First();
        var matches = LabelSelector.FromObject(selector.Copy())!;
        var pods = view.Pods.Find(IndexKeys.Label(service.Namespace(), label, value.Text() ?? "")).Where(p => matches.Matches(p.Labels()));
        var decision = EndpointDecision.Decide(service, pods, node => view.Nodes.Get(node)?.Text("metadata", "labels", Zone));
        await SlicesAsync(service, decision.Slices, cancellation).ConfigureAwait(false);
        await PutAsync(Kinds.Endpoints, view.Endpoints.Get(key), decision.Endpoints, cancellation).ConfigureAwait(false);
        return Next.Done;
    }

    /// <summary>A LoadBalancer is reached at the nodes themselves, as on small clusters everywhere.</summary>
    private async Task BalanceAsync(JsonObject service, CancellationToken cancellation)
    {
        var wanted = service.Text("spec", "type") == "LoadBalancer"
            ? view.Nodes.Items.Where(n => n.IsTrue("Ready")).OrderBy(n => n.Name(), StringComparer.Ordinal)
                .Select(n => n.Items("status", "addresses")?.FirstOrDefault(a => a.Text("type") == "InternalIP").Text("address")).OfType<string>()
                .Select(a => (JsonNode)new JsonObject { ["ip"] = a, ["ipMode"] = "VIP" }).ToArray()
            : [];
        var balancer = new JsonObject();
        if (wanted.Length > 0)
        {
            balancer["ingress"] = new JsonArray(wanted);
        }

        if (!JsonNode.DeepEquals(service.At("status", "loadBalancer") ?? new JsonObject(), balancer))
        {
            var status = (service["status"] as JsonObject ?? []).Copy();
            status["loadBalancer"] = balancer;
            await view.ShowAsync(Kinds.Services, service, status, cancellation).ConfigureAwait(false);
        }
    }

    private async Task SlicesAsync(JsonObject service, IReadOnlyList<JsonObject> wanted, CancellationToken cancellation)
    {
        var there = view.Slices.Find(IndexKeys.Label(service.Namespace(), EndpointDecision.ServiceLabel, service.Name()))
            .Where(s => s.Text("metadata", "labels", EndpointDecision.ManagedByLabel) == EndpointDecision.Manager).ToDictionary(s => s.Name(), StringComparer.Ordinal);
        foreach (var slice in wanted)
        {
            there.Remove(slice.Name(), out var stored);
            await PutAsync(Kinds.EndpointSlices, stored, slice, cancellation).ConfigureAwait(false);
        }

        foreach (var (_, spare) in there)
        {
            await view.DeleteAsync(Kinds.EndpointSlices, spare, cancellation).ConfigureAwait(false);
        }
    }

    private async Task PutAsync(ResourceRef kind, JsonObject? stored, JsonObject wanted, CancellationToken cancellation)
    {
        if (stored is null)
        {
            try
            {
                await view.CreateAsync(kind, wanted, cancellation).ConfigureAwait(false);
            }
            catch (KubeStatusException there) when (there.IsAlreadyExists)
            {
                // Left by a Service of this name that has just gone, and about to go too; or made by hand. Its end wakes us.
                view.Of(kind).Wrote(await view.Client.GetAsync(kind, wanted.Namespace(), wanted.Name(), cancellation).ConfigureAwait(false) ?? wanted);
            }
        }
        else if (!EndpointDecision.Same(stored, wanted))
        {
            var changed = wanted.Copy();
            changed.Child("metadata")["resourceVersion"] = stored.ResourceVersion();
            await view.ReplaceAsync(kind, changed, cancellation).ConfigureAwait(false);
        }
    }
}
