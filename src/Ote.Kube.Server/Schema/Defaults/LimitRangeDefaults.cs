using System.Text.Json.Nodes;

namespace Ote.Kube.Server.Schema.Defaults;

/// <summary>Defaults of LimitRanges: a container's limit is at most the greatest there may be, its request what it is limited to, else the least.</summary>
internal static class LimitRangeDefaults
{
    public static void Apply(JsonObject range)
    {
        foreach (JsonObject limit in range.ObjectsAt("spec", "limits").Where(l => l.TextAt("type") == "Container"))
        {
            Fill(limit, "default", "max");
            Fill(limit, "defaultRequest", "default");
            Fill(limit, "defaultRequest", "min");
        }
    }

    private static void Fill(JsonObject limit, string field, string from)
    {
        foreach ((string name, JsonNode? value) in limit.ObjectAt(from) is { } source ? [.. source] : (KeyValuePair<string, JsonNode?>[])[])
        {
            if (limit.Child(field) is { } filled && filled[name] is null)
                filled[name] = value?.DeepClone();
        }
    }
}
