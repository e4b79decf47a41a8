using System.Text.Json.Nodes;
using Ote.Kube.Objects;

namespace Ote.Kube.Server.Lifecycle;

/// <summary>The status of a CustomResourceDefinition: served as soon as it is stored.</summary>
internal static class CrdStatus
{
    /// <summary>Marks a definition as accepted and served, and remembers which versions objects may lie in.</summary>
    public static void Establish(JsonObject crd, JsonObject? old, DateTimeOffset now)
    {
        var status = old?["status"]?.DeepClone() as JsonObject ?? [];
        var names = crd["spec"]?["names"]?.DeepClone() as JsonObject ?? [];
        if (names["kind"] is { } kind)
        {
            names["listKind"] ??= kind.Text() + "List";
            names["singular"] ??= kind.Text()?.ToLowerInvariant();
            ObjectRules.Put(crd.Child("spec"), "names", names);
        }

        status["acceptedNames"] = names;
        Conditions.SetCondition(status, "NamesAccepted", true, "NoConflicts", "no conflicts found", now);
        Conditions.SetCondition(status, "Established", true, "InitialNamesAccepted", "the initial names have been accepted", now);
        var stored = status["storedVersions"] as JsonArray ?? [];
        foreach (var version in crd.Items("spec", "versions") ?? [])
        {
            if (version.Truth("storage") == true && version.Text("name") is { } name && !stored.Any(s => s.Text() == name))
            {
                stored.Add((JsonNode)name);
            }
        }

        status["storedVersions"] = stored.Parent is null ? stored : stored.DeepClone();
        crd["status"] = status;
    }
}
