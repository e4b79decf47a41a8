using System.Globalization;
using System.Text.Json.Nodes;
using Ote.EdgeHub.Cache;
using Ote.Kube.Objects;

namespace Ote.EdgeHub.Offline;

/// <summary>The Kubernetes Event by which users learn what of a node's own writes was lost, on the object concerned: one for each object and return, whatever the number of conflicts, and by the same name when it is told
/// again since the answer was lost. Pure.</summary>
internal static class ConflictEvent
{
    /// <summary>The reason that all of them have.</summary>
    public const string Reason = "OfflineWriteDropped";

    /// <summary>Characters of a message at most, as the API server takes them.</summary>
    public const int MostCharacters = 1024;

    /// <summary>The event.</summary>
    /// <param name="entry">The journal's entry.</param>
    /// <param name="kind">Its kind.</param>
    /// <param name="conflicts">What was lost, and why; at least one. They name fields, never a secret's values: secrets are not written here.</param>
    /// <param name="node">Who tells.</param>
    /// <param name="now">When.</param>
    public static JsonObject Of(JournalEntry entry, ResourceRef kind, IReadOnlyList<string> conflicts, string node, DateTimeOffset now)
    {
        var about = entry.Local ?? entry.Base ?? [];
        // As a kubelet does: events of nodes name the node where others have a uid.
        var uid = kind.Kind == "Node" ? entry.Key.Name : about.Uid();
        return Of(new JsonObject { ["apiVersion"] = kind.ApiVersion, ["kind"] = kind.Kind, ["name"] = entry.Key.Name, ["uid"] = uid, ["namespace"] = entry.Key.Namespace.Length > 0 ? entry.Key.Namespace : null }, entry.Began, conflicts, node, now);
    }

    /// <summary>That of events, which nobody could be told of one by one: the journal had no room for so many.</summary>
    /// <param name="dropped">How many.</param>
    /// <param name="node">Who tells, and whose they were.</param>
    /// <param name="now">When.</param>
    public static JsonObject OfEvents(long dropped, string node, DateTimeOffset now) => Of(
        new JsonObject { ["apiVersion"] = "v1", ["kind"] = "Node", ["name"] = node, ["uid"] = node }, now, [string.Create(CultureInfo.InvariantCulture, $"{dropped} events were not kept: only the newest are")], node, now);

    private static JsonObject Of(JsonObject about, DateTimeOffset began, IReadOnlyList<string> conflicts, string node, DateTimeOffset now)
    {
        var message = "While the node was cut off: " + string.Join("; ", conflicts);
        var time = now.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture);
        return new JsonObject
        {
            ["apiVersion"] = "v1", ["kind"] = "Event",
            ["metadata"] = new JsonObject { ["name"] = string.Create(CultureInfo.InvariantCulture, $"{about.Text("name")}.{began.UtcTicks:x}"), ["namespace"] = about.Text("namespace") ?? "default" },
            ["involvedObject"] = about,
            ["type"] = "Warning", ["reason"] = Reason, ["message"] = message.Length > MostCharacters ? message[..(MostCharacters - 1)] + "…" : message,
            ["source"] = new JsonObject { ["component"] = "edgehub", ["host"] = node },
            ["firstTimestamp"] = time, ["lastTimestamp"] = time, ["count"] = 1,
        };
    }
}
