using System.Text.Json.Nodes;
using Ote.Kube.Objects;
using Ote.Kube.Server.Schema.Validation;

namespace Ote.Kube.Server.Admission.Limits;

/// <summary>One item of a LimitRange. Immutable.</summary>
/// <param name="Type">Container, Pod or PersistentVolumeClaim.</param>
/// <param name="Min">The least there must be, by resource.</param>
/// <param name="Max">The most there may be.</param>
/// <param name="Default">The limit of a container that names none.</param>
/// <param name="DefaultRequest">The request of a container that names none.</param>
/// <param name="Ratio">How many times its request a limit may be.</param>
internal sealed record LimitRule(
    string Type, SortedDictionary<string, Amount> Min, SortedDictionary<string, Amount> Max, SortedDictionary<string, Amount> Default,
    SortedDictionary<string, Amount> DefaultRequest, SortedDictionary<string, Amount> Ratio)
{
    /// <summary>The items of a stored LimitRange.</summary>
    public static IReadOnlyList<LimitRule> Read(JsonObject range) =>
    [
        .. (range.Items("spec", "limits") ?? []).OfType<JsonObject>().Select(item => new LimitRule(
            item.Text("type") ?? "", Amounts(item, "min"), Amounts(item, "max"), Amounts(item, "default"), Amounts(item, "defaultRequest"), Amounts(item, "maxLimitRequestRatio"))),
    ];

    private static SortedDictionary<string, Amount> Amounts(JsonObject item, string field) => new(Amount.ReadAll(item[field]), StringComparer.Ordinal);
}
