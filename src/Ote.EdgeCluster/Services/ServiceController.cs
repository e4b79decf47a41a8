using System.Text.Json.Nodes;
using Ote.EdgeCluster.Workloads;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Kube.Reconciling;
using Ote.Kube.Server.Selectors;

namespace Ote.EdgeCluster.Services;

/// <summary>
/// Gives Services their addresses and keeps their EndpointSlices and Endpoints, as <see cref="ServiceAddresses"/> and
/// <see cref="EndpointDecision"/> say. Nothing is forwarded: the pods are simulated.
/// </summary>
internal sealed class ServiceController(ClusterView view, EventRecorder events) : IController
{
    private const string Component = "service-controller";
    private const string Zone = "topology.kubernetes.io/zone";

    // One Service at a time is given addresses, each seeing those given before.
    private readonly SemaphoreSlim _giving = new(1);

    public ResourceRef Kind => Kinds.Services;

    public async Task<Next> ReconcileAsync(string key, CancellationToken cancellation)
    {
        if (view.Services.Get(key) is not { } service || service.IsDeleting())
        {
            return Next.Done;
        }

        service = await AddressAsync(service, cancellation).ConfigureAwait(false);
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

    private async Task<JsonObject> AddressAsync(JsonObject service, CancellationToken cancellation)
    {
        if (!ServiceAddresses.Lacks(service))
        {
            return service;
        }

        await _giving.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            var others = view.Services.Items.Where(s => s.Uid() != service.Uid()).ToList();
            var addresses = others.Select(s => s.Text("spec", "clusterIP")).OfType<string>().ToHashSet(StringComparer.Ordinal);
            var ports = others.SelectMany(s => s.Items("spec", "ports") ?? []).Select(p => p.Whole("nodePort")).OfType<long>().ToHashSet();
            if (ServiceAddresses.Fill(service, addresses, ports) is { } patch)
            {
                return await view.PatchAsync(Kinds.Services, service, patch, cancellation).ConfigureAwait(false);
            }

            events.Warning(service, "FailedToAllocate", "all cluster IPs or node ports of this cluster are taken; delete Services that are not used", Component);
            return service;
        }
        finally
        {
            _giving.Release();
        }
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
