using System.Text.Json.Nodes;

namespace Ote.Kube.Server.Schema.Conversion;

/// <summary>Events of <c>events.k8s.io/v1</c> beside those of <c>v1</c>: the same objects, whose fields have two names.</summary>
internal static class EventForm
{
    private static readonly (string Core, string New)[] Names =
    [
        ("involvedObject", "regarding"), ("message", "note"), ("reportingComponent", "reportingController"), ("source", "deprecatedSource"),
        ("firstTimestamp", "deprecatedFirstTimestamp"), ("lastTimestamp", "deprecatedLastTimestamp"), ("count", "deprecatedCount"),
    ];

    public static JsonObject ToCore(JsonObject obj) => Renamed(obj, "v1", static n => Array.Find(Names, p => p.New == n).Core);

    public static JsonObject FromCore(JsonObject obj) => Renamed(obj, "events.k8s.io/v1", static n => Array.Find(Names, p => p.Core == n).New);

    private static JsonObject Renamed(JsonObject obj, string version, Func<string, string?> other)
    {
        JsonObject renamed = [];
        foreach ((string name, JsonNode? value) in obj)
            renamed[other(name) ?? name] = value?.DeepClone();
        renamed["apiVersion"] = version;
        return renamed;
    }
}
