using System.Text.Json.Nodes;

namespace Ote.Kube.Server.Schema;

/// <summary>Why the names of a CustomResourceDefinition are not accepted.</summary>
/// <param name="Reason">The reason of the NamesAccepted condition, such as <c>PluralConflict</c>.</param>
/// <param name="Message">Its message.</param>
public sealed record CrdNameConflict(string Reason, string Message)
{
    internal static CrdNameConflict? Find(JsonObject crd, IEnumerable<KindInfo> others)
    {
        HashSet<string> resources = [], kinds = [];
        foreach (KindInfo other in others)
        {
            resources.UnionWith([other.Plural, other.Singular, .. other.ShortNames]);
            kinds.UnionWith([other.Kind, other.ListKind]);
        }
        JsonObject? names = crd.ObjectAt("spec", "names");
        string? kind = names.TextAt("kind");
        return Taken(names.TextAt("plural"), resources, "PluralConflict")
            ?? Taken(names.TextAt("singular") ?? kind?.ToLowerInvariant(), resources, "SingularConflict")
            ?? names.TextsAt("shortNames").Select(s => Taken(s, resources, "ShortNamesConflict")).FirstOrDefault(c => c is not null)
            ?? Taken(kind, kinds, "KindConflict")
            ?? Taken(names.TextAt("listKind") ?? kind + "List", kinds, "ListKindConflict");
    }

    private static CrdNameConflict? Taken(string? name, HashSet<string> taken, string reason) =>
        name is not null && taken.Contains(name) ? new CrdNameConflict(reason, $"{FieldError.Quote(name)} is already in use") : null;
}
