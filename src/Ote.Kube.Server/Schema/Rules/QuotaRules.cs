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

    private static readonly HashSet<string> s_scopes = ["BestEffort", "NotBestEffort", "Terminating", "NotTerminating", "PriorityClass", "CrossNamespacePodAffinity"];

    private static readonly HashSet<string> s_ofPods = ["cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory"];

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
        Scopes(quota, faults);
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

    /// <summary>Scopes choose among pods: with them, only what is counted of pods can be limited, and of those that ask for nothing only their number.</summary>
    private static void Scopes(JsonObject quota, Faults faults)
    {
        List<string> scopes = [.. quota.TextsAt("spec", "scopes")];
        List<string> hard = [.. (quota.ObjectAt("spec", "hard") ?? []).Select(h => h.Key).Where(s_standard.Contains)];
        string shown = $"[]core.ResourceQuotaScope{{{string.Join(", ", scopes.Select(s => FieldError.Quote(s)))}}}";
        foreach (string scope in scopes)
        {
            if (!s_scopes.Contains(scope))
                faults.Add(new FieldError("spec.scopes", FieldErrorType.Invalid, shown, "unsupported scope"));
            else if (hard.Any(name => !Suits(scope, name)))
                faults.Add(new FieldError("spec.scopes", FieldErrorType.Invalid, shown, "unsupported scope applied to resource"));
        }
        foreach ((string one, string other) in (ReadOnlySpan<(string, string)>)[("BestEffort", "NotBestEffort"), ("Terminating", "NotTerminating")])
        {
            if (scopes.Contains(one) && scopes.Contains(other))
                faults.Add(new FieldError("spec.scopes", FieldErrorType.Invalid, shown, "conflicting scopes"));
        }
        Selector(quota, hard, faults);
    }

    private static void Selector(JsonObject quota, List<string> hard, Faults faults)
    {
        const string Path = "spec.scopeSelector.matchExpressions";
        foreach (JsonObject expression in quota.ObjectsAt("spec", "scopeSelector", "matchExpressions"))
        {
            string scope = expression.TextAt("scopeName") ?? "", op = expression.TextAt("operator") ?? "";
            int values = expression.TextsAt("values").Count();
            if (!s_scopes.Contains(scope))
                faults.Invalid(Path + ".scopeName", scope, ["unsupported scope"]);
            else if (hard.Any(name => !Suits(scope, name)))
                faults.Invalid(Path, quota.At("spec", "scopeSelector"), "unsupported scope applied to resource");
            if (scope is not "PriorityClass" && op != "Exists")
                faults.Invalid(Path + ".operator", op, ["must be 'Exist' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity"]);
            if (op is "In" or "NotIn" && values == 0)
                faults.Required(Path + ".values", "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector");
            else if (op is "Exists" or "DoesNotExist" && values > 0)
                faults.Invalid(Path + ".values", expression["values"], "must be no value when `operator` is 'Exists' or 'DoesNotExist' for scope selector");
            else if (op is not ("In" or "NotIn" or "Exists" or "DoesNotExist"))
                faults.Invalid(Path + ".operator", op, ["not a valid selector operator"]);
        }
    }

    private static bool Suits(string scope, string name) => name == "pods" || (scope != "BestEffort" && s_ofPods.Contains(name));

    private static void Above(string name, JsonNode? least, JsonObject limit, string field, string what, string path, JsonNode? shown, Faults faults)
    {
        if (Quantity.TryParse(least.Scalar() ?? "", out decimal min) && Quantity.TryParse(limit.At(field, name).Scalar() ?? "", out decimal other) && min > other)
            faults.Invalid(path, shown.Scalar(), [$"min value {least.Scalar()} is greater than {what} {limit.At(field, name).Scalar()}"]);
    }
}
