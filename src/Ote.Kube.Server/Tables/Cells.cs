using System.Text.Json.Nodes;
using Ote.Kube.Server.Schema;
using Ote.Kube.Server.Selectors;

namespace Ote.Kube.Server.Tables;

/// <summary>Cells that several kinds show alike.</summary>
internal static class Cells
{
    public const string None = "<none>";
    public const string Unset = "<unset>";

    public static string Name(JsonObject o) => o.TextAt("metadata", "name") ?? "";

    public static string Age(JsonObject o, DateTimeOffset now) => HumanAge.Since(o.At("metadata", "creationTimestamp"), now);

    public static JsonNode? CreatedAt(JsonObject o) => o.At("metadata", "creationTimestamp")?.DeepClone();

    public static long Number(JsonObject o, params ReadOnlySpan<string> path) => o.NumberAt(path) ?? 0;

    public static string OrNone(string? text) => string.IsNullOrEmpty(text) ? None : text;

    public static string Join(IEnumerable<string> texts) => string.Join(',', texts);

    /// <summary>Names of the containers under a pod's spec.</summary>
    public static string Containers(JsonObject? podSpec) => Join(podSpec.ObjectsAt("containers").Select(c => c.TextAt("name") ?? ""));

    /// <summary>Images of the containers under a pod's spec.</summary>
    public static string Images(JsonObject? podSpec) => Join(podSpec.ObjectsAt("containers").Select(c => c.TextAt("image") ?? ""));

    /// <summary>A map of labels as <c>a=b,c=d</c>, sorted.</summary>
    public static string Labels(JsonObject? labels) => labels is null || labels.Count == 0
        ? None : Join(labels.OrderBy(l => l.Key, StringComparer.Ordinal).Select(l => $"{l.Key}={l.Value.Text()}"));

    /// <summary>A LabelSelector in its text form, labels first and each part sorted.</summary>
    public static string Selector(JsonObject? selector)
    {
        if (selector is null)
            return None;
        try
        {
            LabelSelector parsed = LabelSelector.FromObject(selector)!;
            return parsed.IsEverything
                ? None
                : Join(parsed.Requirements.Select(Show).OrderBy(r => r.Key, StringComparer.Ordinal).Select(r => r.Text));
        }
        catch (SelectorException)
        {
            return "<error>";
        }
    }

    public static string Flag(JsonNode? flag, string absent = Unset) => flag is null ? absent : flag.IsTrue() ? "True" : "False";

    /// <summary>At most <paramref name="max"/> of the texts, then how many more there are.</summary>
    public static string Few(IReadOnlyList<string> texts, int max, string none, string between = ",") => texts.Count switch
    {
        0 => none,
        _ when texts.Count > max => string.Join(between, texts.Take(max)) + $" + {texts.Count - max} more...",
        _ => string.Join(between, texts),
    };

    /// <summary>The status of a condition; null when the object has no such condition.</summary>
    public static string? Condition(JsonObject o, string type) =>
        o.ObjectsAt("status", "conditions").FirstOrDefault(c => c.TextAt("type") == type).TextAt("status");

    private static (string Key, string Text) Show(LabelRequirement requirement) => (requirement.Key, requirement.ToString());
}
