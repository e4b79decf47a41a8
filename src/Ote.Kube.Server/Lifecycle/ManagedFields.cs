using System.Text.Json.Nodes;
using Ote.Kube.Objects;

namespace Ote.Kube.Server.Lifecycle;

/// <summary>
/// Notes in <c>metadata.managedFields</c> who wrote an object, how and when: one entry per manager, operation and
/// subresource. Which fields each of them owns is not tracked.
/// </summary>
internal static class ManagedFields
{
    private const int MaxEntries = 32;

    /// <summary>Adds or renews the writer's entry.</summary>
    public static void Note(JsonObject obj, WriteContext context, DateTimeOffset now)
    {
        var metadata = obj.Child("metadata");
        if (metadata["managedFields"] is not JsonArray entries)
        {
            metadata["managedFields"] = entries = [];
        }

        var known = entries.OfType<JsonObject>().FirstOrDefault(e =>
            e.Text("manager") == context.Manager && e.Text("operation") == context.Operation && e.Text("subresource") == context.Subresource);
        if (known is not null)
        {
            known["apiVersion"] = context.Kind.ApiVersion;
            known["time"] = now.ToKubeTime();
            return;
        }

        while (entries.Count >= MaxEntries)
        {
            entries.RemoveAt(0);
        }

        var entry = new JsonObject
        {
            ["manager"] = context.Manager,
            ["operation"] = context.Operation,
            ["apiVersion"] = context.Kind.ApiVersion,
            ["time"] = now.ToKubeTime(),
            ["fieldsType"] = "FieldsV1",
            ["fieldsV1"] = new JsonObject(),
        };
        if (context.Subresource is { } subresource)
        {
            entry["subresource"] = subresource;
        }

        entries.Add((JsonNode)entry);
    }

    /// <summary>Whether two objects are the same but for who wrote them and at which revision.</summary>
    public static bool Same(JsonObject a, JsonObject b) =>
        SameFields(a, b, "metadata", "metadata")
        && (a["metadata"], b["metadata"]) switch
        {
            (JsonObject left, JsonObject right) => SameFields(left, right, "managedFields", "resourceVersion"),
            var (left, right) => JsonNode.DeepEquals(left, right),
        };

    private static bool SameFields(JsonObject a, JsonObject b, string except, string orExcept)
    {
        foreach (var (name, value) in a)
        {
            if (name != except && name != orExcept && !JsonNode.DeepEquals(value, b[name]))
            {
                return false;
            }
        }

        return b.All(field => field.Key == except || field.Key == orExcept || field.Value is null || a.ContainsKey(field.Key));
    }
}
