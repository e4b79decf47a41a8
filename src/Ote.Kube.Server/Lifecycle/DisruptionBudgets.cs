using System.Text.Json.Nodes;
using Ote.Kube.Objects;
using Ote.Kube.Server.Access;
using Ote.Kube.Server.Http;
using Ote.Kube.Server.Selectors;
using Ote.Kube.Server.Store;

namespace Ote.Kube.Server.Lifecycle;

/// <summary>
/// Asks a pod's PodDisruptionBudget before the pod is evicted. How many disruptions a budget allows stands in its status, kept by a
/// controller; here one is taken from it, together with the pod's name, so that two evictions never take the same one.
/// </summary>
internal sealed class DisruptionBudgets(IObjectStore store, ObjectWriter writer, ServedCatalog served, TimeProvider time)
{
    private const string Resource = "policy/poddisruptionbudgets";
    private const int MaxDisrupted = 2000;
    private static readonly UserInfo Spender = UserInfo.Component("apiserver");

    /// <summary>Takes one disruption from the pod's budget, if it has one.</summary>
    /// <exception cref="ApiError">429: the budget allows none now. 500: more than one budget covers the pod.</exception>
    public async Task SpendAsync(JsonObject pod, bool dryRun, CancellationToken cancellation)
    {
        // What does not run is no loss.
        if (served.ByResource(Resource) is not { } kind || pod.IsDeleting() || pod.Text("status", "phase") is not "Running")
        {
            return;
        }

        List<string> names = [];
        await foreach (var page in StoreScan.PagesAsync(store, Resource, pod.Namespace(), cancellation).ConfigureAwait(false))
        {
            names.AddRange(page.Where(row => Covers(ObjectForm.Parse(row.Json, kind), pod)).Select(row => row.Key.Name));
        }

        switch (names.Count)
        {
            case 0:
                return;
            case > 1:
                throw new ApiError(
                    500, "InternalError", "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.");
        }

        await writer.UpdateAsync(
            new WriteContext(Spender, kind, pod.Namespace()) { Subresource = "status", Manager = "ote-apiserver", DryRun = dryRun }, names[0],
            budget => Spend(budget, pod)).ConfigureAwait(false);
    }

    private static bool Covers(JsonObject budget, JsonObject pod) =>
        LabelSelector.FromObject(budget.At("spec", "selector") as JsonObject)?.Matches(pod.Labels()) ?? false;

    private JsonObject Spend(JsonObject budget, JsonObject pod)
    {
        budget.Child("metadata").Remove("resourceVersion");
        var status = budget.Child("status");
        var (allowed, healthy, desired) = (status.Whole("disruptionsAllowed") ?? 0, status.Whole("currentHealthy") ?? 0, status.Whole("desiredHealthy") ?? 0);
        if (!pod.IsTrue("Ready") && (budget.Text("spec", "unhealthyPodEvictionPolicy") == "AlwaysAllow" || (healthy >= desired && desired > 0)))
        {
            return budget;
        }

        var disrupted = status.Child("disruptedPods");
        if ((status.Whole("observedGeneration") ?? 0) < budget.Generation() || allowed <= 0 || disrupted.Count >= MaxDisrupted)
        {
            throw Refused(budget.Name(), desired, healthy);
        }

        status["disruptionsAllowed"] = allowed - 1;
        disrupted[pod.Name()] = time.GetUtcNow().ToKubeTime();
        return budget;
    }

    private static ApiError Refused(string budget, long desired, long healthy) => new(
        429, "TooManyRequests", "Cannot evict pod as it would violate the pod's disruption budget.",
        new JsonObject
        {
            ["causes"] = new JsonArray(new JsonObject
            {
                ["reason"] = "DisruptionBudget",
                ["message"] = $"The disruption budget {budget} needs {desired} healthy pods and has {healthy} currently",
            }),
        });
}
