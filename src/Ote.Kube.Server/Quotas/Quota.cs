using System.Text.Json.Nodes;
using Ote.Kube.Objects;
using Ote.Kube.Server.Schema.Validation;

namespace Ote.Kube.Server.Quotas;

/// <summary>A stored ResourceQuota. Immutable.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Wanted">What its spec allows, by resource.</param>
/// <param name="Hard">What is in force: the spec as it was counted last.</param>
/// <param name="Used">What was counted, and granted since.</param>
/// <param name="Scopes">Which pods count; empty for all.</param>
internal sealed record Quota(
    string Name, IReadOnlyDictionary<string, Amount> Wanted, IReadOnlyDictionary<string, Amount> Hard, IReadOnlyDictionary<string, Amount> Used, IReadOnlyList<QuotaScope> Scopes)
{
    /// <summary>Reads one.</summary>
    public static Quota Read(JsonObject quota) => new(
        quota.Name(), Amount.ReadAll(quota.At("spec", "hard")), Amount.ReadAll(quota.At("status", "hard")), Amount.ReadAll(quota.At("status", "used")), QuotaScope.Read(quota));

    /// <summary>Whether what is in force is what the spec says.</summary>
    public bool IsCounted => Wanted.Count == Hard.Count && Wanted.All(wanted => Hard.TryGetValue(wanted.Key, out var hard) && hard.Value == wanted.Value.Value);

    /// <summary>Whether an object of a resource counts, as far as scopes tell: they choose among pods and shut all else out.</summary>
    public bool Covers(string resource, JsonObject obj) => Scopes.Count == 0 || (resource == QuotaUsage.Pods && Scopes.All(scope => scope.Has(obj)));

    /// <summary>The names among some that speak of a resource, sorted.</summary>
    public static List<string> Of(string resource, IEnumerable<string> names) => [.. names.Where(name => QuotaUsage.Concerns(resource, name)).Order(StringComparer.Ordinal)];

    /// <summary>Grants what is asked for, or refuses.</summary>
    /// <param name="resource">Of which resource the object is.</param>
    /// <param name="asked">What it uses more than before.</param>
    /// <returns>What is used then; or the words of the refusal.</returns>
    public (IReadOnlyDictionary<string, Amount> Used, string? Refusal) Grant(string resource, IReadOnlyDictionary<string, Amount> asked)
    {
        var limited = Of(resource, Hard.Keys);
        var unknown = limited.Where(name => !Used.ContainsKey(name)).ToList();
        if (unknown.Count > 0)
        {
            return (Used, $"status unknown for quota: {Name}, resources: {string.Join(",", unknown)}");
        }

        var used = new Dictionary<string, Amount>(Used, StringComparer.Ordinal);
        List<string> exceeded = [];
        foreach (var name in limited.Where(asked.ContainsKey))
        {
            used[name] = Used[name].Plus(asked[name]);
            if (used[name].Value > Hard[name].Value)
            {
                exceeded.Add(name);
            }
        }

        string Show(IReadOnlyDictionary<string, Amount> amounts) => string.Join(",", exceeded.Select(name => $"{name}={amounts[name]}"));
        return (used, exceeded.Count == 0 ? null : $"exceeded quota: {Name}, requested: {Show(asked)}, used: {Show(Used)}, limited: {Show(Hard)}");
    }

    /// <summary>What is used when something granted was not needed after all.</summary>
    public IReadOnlyDictionary<string, Amount> Take(IReadOnlyDictionary<string, Amount> granted)
    {
        var used = new Dictionary<string, Amount>(Used, StringComparer.Ordinal);
        foreach (var (name, amount) in granted.Where(grant => Used.ContainsKey(grant.Key)))
        {
            var left = Used[name].Minus(amount);
            used[name] = left.Value < 0 ? new Amount(0, left.Form) : left;
        }

        return used;
    }
}
