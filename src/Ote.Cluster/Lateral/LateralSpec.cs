using System.Diagnostics.CodeAnalysis;
using System.Text.Json.Nodes;
using Ote.Cluster.Budgets;
using Ote.Cluster.Routing;
using Ote.Kube.Objects;

namespace Ote.Cluster.Lateral;

/// <summary>One entry of <c>spec.lateral</c> of a <c>Cluster</c>: with whom it may have a lateral link. Immutable.</summary>
/// <param name="Peer">The other cluster.</param>
/// <param name="Subtree">Whether what hangs below the other counts too.</param>
/// <param name="Budget">What this cluster may send there; null: anything.</param>
public sealed record LateralSpec(string Peer, bool Subtree, LinkBudget? Budget)
{
    /// <summary>Reads all of a cluster's; the API has checked most of it, but not every API and not all. Null when there is no such field.</summary>
    /// <returns>False with all that is wrong.</returns>
    public static bool TryRead(JsonObject cluster, out IReadOnlyList<LateralSpec>? entries, [NotNullWhen(false)] out string? error)
    {
        ArgumentNullException.ThrowIfNull(cluster);
        (entries, error) = (null, null);
        if (cluster.Items("spec", "lateral") is not { } items)
        {
            return true;
        }

        var faults = new List<string>();
        var read = new List<LateralSpec>();
        foreach (var item in items.OfType<JsonObject>())
        {
            var name = item.Text("peer") ?? "";
            LinkBudget? budget = null;
            if (ClusterName.CheckChild(name) is { } wrong)
            {
                faults.Add(wrong);
            }
            else if (name == cluster.Name() || read.Any(e => e.Peer == name))
            {
                faults.Add(name == cluster.Name() ? "a cluster has no lateral link with itself" : $"'{name}' is named twice");
            }
            else if (item["linkBudget"] is JsonObject spec && !BudgetSpec.TryRead(spec, out budget, out var fault))
            {
                faults.Add($"{name}: {fault}");
            }
            else
            {
                read.Add(new LateralSpec(name, item.Truth("subtree") ?? false, budget is { IsEmpty: false } ? budget : null));
            }
        }

        if (read.Count > LateralSet.MostPeers)
        {
            faults.Add($"{read.Count} peers; a cluster has at most {LateralSet.MostPeers}");
        }

        error = faults.Count == 0 ? null : string.Join("; ", faults);
        entries = error is null ? read : null;
        return error is null;
    }
}
