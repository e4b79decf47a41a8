using System.Text.Json.Nodes;

namespace Ote.Kube.Server.Schema.Defaults;

/// <summary>Puts values where none are. A value of an unexpected type is left alone: validation will name it.</summary>
internal static class Fill
{
    /// <summary>Sets a field that is absent.</summary>
    public static void Set(this JsonObject map, string name, JsonNode value)
    {
        if (map[name] is null)
            map[name] = value;
    }

    /// <summary>Sets a field that is absent or an empty text, which for a Go string is the same.</summary>
    public static void SetText(this JsonObject map, string name, string value)
    {
        if (map[name] is null || map[name].Text() is { Length: 0 })
            map[name] = value;
    }

    /// <summary>The object in a field, made when absent; null when something else is there.</summary>
    public static JsonObject? Child(this JsonObject map, string name)
    {
        map.Set(name, new JsonObject());
        return map[name] as JsonObject;
    }
}
