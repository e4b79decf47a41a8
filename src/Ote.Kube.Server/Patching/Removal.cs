using System.Text.Json.Nodes;

namespace Ote.Kube.Server.Patching;

/// <summary>Takes many fields of an object away. One by one each costs as much as all that stand behind it, which one request must not.</summary>
internal static class Removal
{
    private const int Few = 16;

    public static void Remove(JsonObject map, HashSet<string>? names)
    {
        if (names is null || names.Count == 0)
            return;
        if (names.Count <= Few)
        {
            foreach (string name in names)
                map.Remove(name);
            return;
        }
        List<KeyValuePair<string, JsonNode?>> kept = [.. map.Where(p => !names.Contains(p.Key))];
        if (kept.Count == map.Count)
            return;
        map.Clear();
        foreach ((string name, JsonNode? value) in kept)
            map.Add(name, value);
    }
}
