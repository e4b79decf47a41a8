using System.Text.Json.Nodes;
using Ote.Kube.Server.Schema;
using static Ote.Kube.Server.Tables.TableColumn;

namespace Ote.Kube.Server.Tables;

/// <summary>Configuration, access and events.</summary>
internal static class ConfigForms
{
    public static TableForm ConfigMap { get; } = new(
        [ObjectName, Number("Data"), Age],
        static (o, now) => [Cells.Name(o), (o.ObjectAt("data")?.Count ?? 0) + (o.ObjectAt("binaryData")?.Count ?? 0), Cells.Age(o, now)]);

    public static TableForm Secret { get; } = new(
        [ObjectName, new("Type"), Number("Data"), Age],
        static (o, now) => [Cells.Name(o), o.TextAt("type") ?? "", o.ObjectAt("data")?.Count ?? 0, Cells.Age(o, now)]);

    public static TableForm ServiceAccount { get; } = new(
        [ObjectName, Number("Secrets"), Age], static (o, now) => [Cells.Name(o), o.ObjectsAt("secrets").Count(), Cells.Age(o, now)]);

    public static TableForm RoleBinding { get; } = new(
        [ObjectName, new("Role"), Age, Wide("Users"), Wide("Groups"), Wide("ServiceAccounts")],
        static (o, now) =>
        [
            Cells.Name(o), $"{o.TextAt("roleRef", "kind")}/{o.TextAt("roleRef", "name")}", Cells.Age(o, now), Subjects(o, "User"), Subjects(o, "Group"),
            Subjects(o, "ServiceAccount"),
        ]);

    public static TableForm Event { get; } = new(
        [
            new("Last Seen"), new("Type"), new("Reason"), new("Object"), Wide("Subobject"), Wide("Source"), new("Message"), Wide("First Seen"),
            Number("Count", 1), new("Name", Priority: 1, Format: "name"),
        ],
        EventRow);

    private static string Subjects(JsonObject binding, string kind) => string.Join(", ", binding.ObjectsAt("subjects")
        .Where(s => s.TextAt("kind") == kind)
        .Select(s => kind == "ServiceAccount" ? $"{s.TextAt("namespace")}/{s.TextAt("name")}" : s.TextAt("name") ?? ""));

    private static JsonNode?[] EventRow(JsonObject e, DateTimeOffset now)
    {
        JsonNode? firstSeen = e.At("firstTimestamp") ?? e.At("eventTime");
        JsonNode? lastSeen = e.At("series", "lastObservedTime") ?? e.At("lastTimestamp") ?? firstSeen;
        JsonObject? obj = e.ObjectAt("involvedObject");
        string component = e.TextAt("source", "component") is { Length: > 0 } c ? c
            : e.TextAt("reportingComponent") ?? "";
        string host = e.TextAt("source", "host") ?? "";
        long seen = e.NumberAt("series", "count") ?? e.NumberAt("count") ?? 1;
        return
        [
            HumanAge.Since(lastSeen, now), e.TextAt("type") ?? "", e.TextAt("reason") ?? "",
            obj.TextAt("name") is { Length: > 0 } name ? $"{obj.TextAt("kind")?.ToLowerInvariant()}/{name}" : obj.TextAt("kind")?.ToLowerInvariant() ?? "",
            obj.TextAt("fieldPath") ?? "", host.Length > 0 ? component + ", " + host : component, (e.TextAt("message") ?? "").Trim(),
            HumanAge.Since(firstSeen, now), Math.Max(1, seen), Cells.Name(e),
        ];
    }
}
