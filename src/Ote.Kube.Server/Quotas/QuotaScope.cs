using System.Text.Json.Nodes;
using Ote.Kube.Objects;
using Ote.Kube.Server.Lifecycle;

namespace Ote.Kube.Server.Quotas;

/// <summary>One requirement by which a ResourceQuota chooses pods. Pure.</summary>
/// <param name="Name">Such as BestEffort or PriorityClass.</param>
/// <param name="Operator">In, NotIn, Exists or DoesNotExist; only classes of priority are told apart by it.</param>
/// <param name="Values">For In and NotIn.</param>
internal sealed record QuotaScope(string Name, string Operator, IReadOnlyList<string> Values)
{
    /// <summary>The scopes of a quota and those of its selector: a pod counts that fulfils all.</summary>
    public static IReadOnlyList<QuotaScope> Read(JsonObject quota) =>
    [
        .. (quota.Items("spec", "scopes") ?? []).Select(scope => new QuotaScope(scope.Text() ?? "", "Exists", [])),
        .. (quota.Items("spec", "scopeSelector", "matchExpressions") ?? []).Select(expression => new QuotaScope(
            expression.Text("scopeName") ?? "", expression.Text("operator") ?? "", [.. (expression.Items("values") ?? []).Select(value => value.Text()).OfType<string>()])),
    ];

    /// <summary>Whether a pod is one of those.</summary>
    public bool Has(JsonObject pod) => Name switch
    {
        "Terminating" => pod.Whole("spec", "activeDeadlineSeconds") is >= 0,
        "NotTerminating" => pod.Whole("spec", "activeDeadlineSeconds") is not >= 0,
        "BestEffort" => QualityOfService.Of(pod) == "BestEffort",
        "NotBestEffort" => QualityOfService.Of(pod) != "BestEffort",
        "PriorityClass" => HasClass(pod.Text("spec", "priorityClassName") ?? ""),
        "CrossNamespacePodAffinity" => NamesOtherNamespaces(pod),
        _ => false,
    };

    private bool HasClass(string priority) => Operator switch
    {
        "In" => priority.Length > 0 && Values.Contains(priority),
        "NotIn" => !Values.Contains(priority),
        "Exists" => priority.Length > 0,
        "DoesNotExist" => priority.Length == 0,
        _ => false,
    };

    private static bool NamesOtherNamespaces(JsonObject pod)
    {
        foreach (var kind in (ReadOnlySpan<string>)["podAffinity", "podAntiAffinity"])
        {
            var affinity = pod.At("spec", "affinity", kind);
            var terms = (affinity.Items("requiredDuringSchedulingIgnoredDuringExecution") ?? [])
                .Concat((affinity.Items("preferredDuringSchedulingIgnoredDuringExecution") ?? []).Select(weighted => weighted.At("podAffinityTerm")));
            if (terms.Any(term => term.Items("namespaces") is { Count: > 0 } || term.At("namespaceSelector") is not null))
            {
                return true;
            }
        }

        return false;
    }
}
