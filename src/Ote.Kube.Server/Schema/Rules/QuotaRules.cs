using System.Text.Json.Nodes;
using Ote.Kube.Server.Schema.Validation;

namespace Ote.Kube.Server.Schema.Rules;

/// <summary>What LimitRanges and ResourceQuotas must fulfil.</summary>
internal static class QuotaRules
{
    private static readonly HashSet<string> s_standard =
    [
        "cpu", "memory", "ephemeral-storage", "requests.cpu", "requests.memory", "requests.storage", "requests.ephemeral-storage", "limits.cpu", "limits.memory",
        "limits.ephemeral-storage", "pods", "resourcequotas", "services", "replicationcontrollers", "secrets", "persistentvolumeclaims", "configmaps", "services.nodeports",
        "services.loadbalancers",
    ];

    public static void Limits(JsonObject range, Faults faults)
    {
        int index = 0;
        foreach (JsonObject limit in range.ObjectsAt("spec", "limits"))
        {
            string path = $"spec.limits[{index++}]";
            foreach ((string name, JsonNode? value) in limit.ObjectAt("min") ?? [])
            {
                Above(name, value, limit, "max", "max value", $"{path}.min[{name}]", value, faults);
                Above(name, value, limit, "defaultRequest", "default request value", $"{path}.defaultRequest[{name}]", limit.At("defaultRequest", name), faults);
                Above(name, value, limit, "default", "default value", $"{path}.default[{name}]", value, faults);
            }
        }
    }

    public static void Quota(JsonObject quota, Faults faults)
    {
        foreach ((string name, JsonNode? value) in quota.ObjectAt("spec", "hard") ?? [])
        {
            string path = $"spec.hard[{name}]";
            faults.Invalid(path, name, NameRules.QualifiedName(name));
            if (!name.Contains('/', StringComparison.Ordinal) && !name.Contains("hugepages-", StringComparison.Ordinal) && !s_standard.Contains(name))
                faults.Invalid(path, name, ["must be a standard resource for quota"]);
            if (Quantity.TryParse(value.Scalar() ?? "", out decimal amount) && amount < 0)
                faults.Invalid(path, value.Scalar(), ["must be greater than or equal to 0"]);
        }
    }

    private static void Above(string name, JsonNode? least, JsonObject limit, string field, string what, string path, JsonNode? shown, Faults faults)
    {
        if (Quantity.TryParse(least.Scalar() ?? "", out decimal min) && Quantity.TryParse(limit.At(field, name).Scalar() ?? "", out decimal other) && min > other)
            faults.Invalid(path, shown.Scalar(), [$"min value {least.Scalar()} is greater than {what} {limit.At(field, name).Scalar()}"]);
    }
}
