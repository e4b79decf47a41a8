using System.Globalization;
using System.Text.Json.Nodes;
using Ote.Kube.Objects;
using Ote.Kube.Server.Schema.Validation;

namespace Ote.Kube.Server.Admission.Limits;

/// <summary>Holds pods and claims against a LimitRange and says what it does not allow, in the real server's words. Pure.</summary>
internal static class LimitCheck
{
    /// <summary>What is wrong with a pod's containers, and with the pod as a whole.</summary>
    public static IEnumerable<string> OfPod(JsonObject pod, IReadOnlyList<LimitRule> range)
    {
        var containers = Resources(pod, "containers");
        var starters = Resources(pod, "initContainers");
        return range.SelectMany(rule => rule.Type switch
        {
            "Container" => containers.Concat(starters).SelectMany(container => Faults(rule, container.Requests, container.Limits)),
            "Pod" => Faults(rule, Whole(containers.ConvertAll(c => c.Requests), starters.ConvertAll(c => c.Requests)), Whole(containers.ConvertAll(c => c.Limits), starters.ConvertAll(c => c.Limits))),
            _ => [],
        });
    }

    /// <summary>What is wrong with a claim: only what it requests counts.</summary>
    public static IEnumerable<string> OfClaim(JsonObject claim, IReadOnlyList<LimitRule> range)
    {
        var requests = Amount.ReadAll(claim.At("spec", "resources", "requests"));
        foreach (var rule in range.Where(rule => rule.Type == "PersistentVolumeClaim"))
        {
            foreach (var fault in rule.Min.Select(min => TooLittle(rule.Type, min.Key, min.Value, requests, [])).OfType<string>())
            {
                yield return fault;
            }

            foreach (var (name, max) in rule.Max)
            {
                if (!requests.TryGetValue(name, out var request))
                {
                    yield return $"maximum {name} usage per {rule.Type} is {max}.  No request is specified";
                }
                else if (request.Value > max.Value)
                {
                    yield return $"maximum {name} usage per {rule.Type} is {max}, but request is {request}";
                }
            }
        }
    }

    private static IEnumerable<string> Faults(LimitRule rule, Dictionary<string, Amount> requests, Dictionary<string, Amount> limits) =>
        rule.Min.Select(min => TooLittle(rule.Type, min.Key, min.Value, requests, limits))
            .Concat(rule.Max.Select(max => TooMuch(rule.Type, max.Key, max.Value, requests, limits)))
            .Concat(rule.Ratio.Select(ratio => TooFarApart(rule.Type, ratio.Key, ratio.Value, requests, limits)))
            .OfType<string>();

    private static string? TooLittle(string type, string name, Amount min, Dictionary<string, Amount> requests, Dictionary<string, Amount> limits)
    {
        var head = $"minimum {name} usage per {type} is {min}";
        if (!requests.TryGetValue(name, out var request))
        {
            return $"{head}.  No request is specified";
        }

        return request.Value < min.Value ? $"{head}, but request is {request}"
            : limits.TryGetValue(name, out var limit) && limit.Value < min.Value ? $"{head}, but limit is {limit}" : null;
    }

    private static string? TooMuch(string type, string name, Amount max, Dictionary<string, Amount> requests, Dictionary<string, Amount> limits)
    {
        var head = $"maximum {name} usage per {type} is {max}";
        if (!limits.TryGetValue(name, out var limit))
        {
            return $"{head}.  No limit is specified";
        }

        return limit.Value > max.Value ? $"{head}, but limit is {limit}"
            : requests.TryGetValue(name, out var request) && request.Value > max.Value ? $"{head}, but request is {request}" : null;
    }

    private static string? TooFarApart(string type, string name, Amount ratio, Dictionary<string, Amount> requests, Dictionary<string, Amount> limits)
    {
        var head = $"{name} max limit to request ratio per {type} is {ratio}";
        if (!requests.TryGetValue(name, out var request) || request.Value == 0)
        {
            return $"{head}, but no request is specified or request is 0";
        }

        if (!limits.TryGetValue(name, out var limit) || limit.Value == 0)
        {
            return $"{head}, but no limit is specified or limit is 0";
        }

        var actual = (double)limit.Value / (double)request.Value;
        return actual > (double)ratio.Value ? $"{head}, but provided ratio is {actual.ToString("F6", CultureInfo.InvariantCulture)}" : null;
    }

    private static List<(Dictionary<string, Amount> Requests, Dictionary<string, Amount> Limits)> Resources(JsonObject pod, string list) =>
    [
        .. (pod.Items("spec", list) ?? []).OfType<JsonObject>()
            .Select(container => (Amount.ReadAll(container.At("resources", "requests")), Amount.ReadAll(container.At("resources", "limits")))),
    ];

    /// <summary>The sum over the containers, of what all of them name; or what one that runs before them names, when that is more.</summary>
    private static Dictionary<string, Amount> Whole(List<Dictionary<string, Amount>> containers, List<Dictionary<string, Amount>> starters)
    {
        Dictionary<string, Amount> whole = new(StringComparer.Ordinal);
        foreach (var name in containers.Count == 0 ? [] : containers[0].Keys.Where(name => containers.TrueForAll(c => c.ContainsKey(name))))
        {
            // Written as a plain number, as the real server sums up.
            whole[name] = containers.Aggregate(new Amount(0, AmountForm.Decimal), (sum, container) => new Amount(sum.Plus(container[name]).Value, AmountForm.Decimal));
        }

        foreach (var (name, amount) in starters.SelectMany(s => s))
        {
            if (!whole.TryGetValue(name, out var sum) || amount.Value > sum.Value)
            {
                whole[name] = amount;
            }
        }

        return whole;
    }
}
