using System.Text.Json.Nodes;

namespace Ote.EdgeHub.Offline;

/// <summary>Who is right about a field that both sides changed.</summary>
internal enum Owner
{
    /// <summary>The node: what it says of itself and its pods.</summary>
    Node = 0,

    /// <summary>The API server: what users want.</summary>
    Upstream = 1,
}

/// <summary>
/// What the API server has to change so that it has what was changed here, as a merge patch (RFC 7396): only what differs from what was before, so that what others changed meanwhile stays. Lists are taken as one value, but
/// for conditions, which are told apart by their type. Pure.
/// </summary>
internal static class ThreeWay
{
    /// <summary>The patch; empty when there is nothing to change.</summary>
    /// <param name="before">The object as both knew it.</param>
    /// <param name="here">As it is here.</param>
    /// <param name="there">As it is there.</param>
    /// <param name="owner">Whose word counts for what both changed.</param>
    /// <param name="path">Where this is in the object, for conflicts.</param>
    /// <param name="conflicts">Gets each field that both changed differently, and whose value stays.</param>
    public static JsonObject Patch(JsonObject? before, JsonObject here, JsonObject? there, Owner owner, string path, List<string> conflicts)
    {
        var patch = new JsonObject();
        foreach (var name in (before?.Select(field => field.Key) ?? []).Union(here.Select(field => field.Key)))
        {
            var (was, local, remote) = (before?[name], here[name], there?[name]);
            if (JsonNode.DeepEquals(was, local) || JsonNode.DeepEquals(local, remote))
            {
                continue;
            }

            if (local is JsonObject inner && was is JsonObject or null && remote is JsonObject or null)
            {
                var deeper = Patch(was as JsonObject, inner, remote as JsonObject, owner, $"{path}.{name}", conflicts);
                if (deeper.Count > 0 || remote is null)
                {
                    patch[name] = deeper;
                }
            }
            else if (name == "conditions" && local is JsonArray conditions)
            {
                patch[name] = Conditions(was as JsonArray, conditions, remote as JsonArray);
            }
            else
            {
                if (!JsonNode.DeepEquals(was, remote))
                {
                    conflicts.Add($"{path}.{name} was changed on both sides; {(owner == Owner.Upstream ? "the API server's stays" : "the node's is told")}".TrimStart('.'));
                    if (owner == Owner.Upstream)
                    {
                        continue;
                    }
                }

                patch[name] = local?.DeepClone();
            }
        }

        return patch;
    }

    /// <summary>Those that changed here take the place of the same type there; others, which are somebody else's, stay.</summary>
    private static JsonArray Conditions(JsonArray? before, JsonArray here, JsonArray? there)
    {
        var changed = here.Where(condition => !JsonNode.DeepEquals(condition, Of(before, Type(condition)))).ToDictionary(Type, condition => condition);
        var gone = (before ?? []).Select(Type).Where(type => Of(here, type) is null).ToHashSet();
        var merged = new JsonArray();
        foreach (var condition in there ?? [])
        {
            if (!gone.Contains(Type(condition)))
            {
                merged.Add((changed.Remove(Type(condition), out var mine) ? mine : condition)?.DeepClone());
            }
        }

        foreach (var mine in here.Where(condition => changed.ContainsKey(Type(condition))))
        {
            merged.Add(mine?.DeepClone());
        }

        return merged;
    }

    private static string Type(JsonNode? condition) => condition?["type"]?.GetValue<string>() ?? "";

    private static JsonNode? Of(JsonArray? conditions, string type) => conditions?.FirstOrDefault(condition => Type(condition) == type);
}
