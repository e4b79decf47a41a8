using System.Text.Json.Nodes;
using Ote.Kube.Objects;
using Ote.Kube.Server.Schema.Validation;

namespace Ote.Kube.Server.Admission.Limits;

/// <summary>Gives containers the resources that they do not name. Pure.</summary>
internal static class ContainerDefaults
{
    /// <summary>Fills a pod from one LimitRange and says what it set, in the words of the annotation.</summary>
    public static List<string> Fill(JsonObject pod, IReadOnlyList<LimitRule> range)
    {
        var (limits, requests) = (new SortedDictionary<string, Amount>(StringComparer.Ordinal), new SortedDictionary<string, Amount>(StringComparer.Ordinal));
        foreach (var rule in range.Where(rule => rule.Type == "Container"))
        {
            Take(rule.Default, limits);
            Take(rule.DefaultRequest, requests);
        }

        List<string> told = [];
        if (limits.Count == 0 && requests.Count == 0)
        {
            return told;
        }

        foreach (var (list, called) in (ReadOnlySpan<(string, string)>)[("containers", "container"), ("initContainers", "init container")])
        {
            foreach (var container in (pod.Items("spec", list) ?? []).OfType<JsonObject>())
            {
                Tell(Put(container, "requests", requests), "request", called, container, told);
                Tell(Put(container, "limits", limits), "limit", called, container, told);
            }
        }

        return told;
    }

    private static void Take(SortedDictionary<string, Amount> from, SortedDictionary<string, Amount> into)
    {
        foreach (var (name, amount) in from)
        {
            into[name] = amount;
        }
    }

    private static List<string> Put(JsonObject container, string field, SortedDictionary<string, Amount> amounts)
    {
        List<string> set = [];
        foreach (var (name, amount) in amounts)
        {
            var resources = container.Child("resources").Child(field);
            if (!resources.ContainsKey(name))
            {
                resources[name] = amount.ToString();
                set.Add(name);
            }
        }

        return set;
    }

    private static void Tell(List<string> set, string what, string called, JsonObject container, List<string> told)
    {
        if (set.Count > 0)
        {
            told.Add($"{string.Join(", ", set)} {what} for {called} {container.Text("name")}");
        }
    }
}
