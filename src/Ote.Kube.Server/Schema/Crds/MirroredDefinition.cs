using System.Text.Json;
using System.Text.Json.Nodes;
using Ote.Kube.Server.Store;
using Ote.Kube.Server.Tables;

namespace Ote.Kube.Server.Schema.Crds;

/// <summary>
/// Makes a served kind of one that clusters report: as of a CustomResourceDefinition without a schema, since its objects are never written here. What clusters say of it is taken as far as it is sound. Pure.
/// </summary>
internal static class MirroredDefinition
{
    private const int MostNames = 16;
    private const int MostColumns = 64;

    /// <summary>The name that its definition would have.</summary>
    public static string NameOf(MirroredKind kind) => $"{kind.Plural}.{kind.Group}";

    /// <summary>The kind made ready to serve; null when not even its names are sound.</summary>
    /// <param name="kind">What is reported.</param>
    /// <param name="taken">Names that mean other kinds already; those of this one are added.</param>
    public static CompiledCrd? Compile(MirroredKind kind, HashSet<string> taken)
    {
        if (!IsName(kind.Plural) || !IsName(kind.Version) || kind.Group.Split('.').Any(part => !IsName(part)) || kind.Kind.Length is 0 or > 63 || !kind.Kind.All(char.IsAsciiLetterOrDigit))
            return null;
        JsonObject? said = Parse(kind.Definition);
        JsonObject names = new() { ["plural"] = kind.Plural, ["kind"] = kind.Kind };
        if (said.TextAt("names", "singular") is { } singular && IsName(singular) && taken.Add(singular))
            names["singular"] = singular;
        // Sites are not to decide that "po" means something else at all of them.
        names["shortNames"] = new JsonArray([.. said.TextsAt("names", "shortNames").Where(n => IsName(n) && taken.Add(n)).Take(MostNames).Select(n => (JsonNode)n)]);
        names["categories"] = new JsonArray([.. said.TextsAt("names", "categories").Where(IsName).Take(MostNames).Select(n => (JsonNode)n)]);
        JsonObject version = new() { ["name"] = kind.Version, ["served"] = true, ["storage"] = true, ["subresources"] = Subresources(said) };
        version["additionalPrinterColumns"] = new JsonArray([.. said.ObjectsAt("version", "additionalPrinterColumns").Where(IsColumn).Take(MostColumns).Select(c => (JsonNode)c.DeepClone())]);
        version["selectableFields"] = new JsonArray([.. said.ObjectsAt("version", "selectableFields").Where(f => f.TextAt("jsonPath") is { Length: > 0 }).Take(MostNames).Select(f => (JsonNode)f.DeepClone())]);
        return CrdCompiler.Compile(new JsonObject
        {
            ["metadata"] = new JsonObject { ["name"] = NameOf(kind) },
            ["spec"] = new JsonObject { ["group"] = kind.Group, ["names"] = names, ["scope"] = kind.Namespaced ? "Namespaced" : "Cluster", ["versions"] = new JsonArray(version) },
        });
    }

    private static JsonObject Subresources(JsonObject? said)
    {
        JsonObject parts = [];
        foreach (string part in (ReadOnlySpan<string>)["status", "scale"])
        {
            if (said.ObjectAt("version", "subresources", part) is { } known)
                parts[part] = known.DeepClone();
        }
        return parts;
    }

    private static bool IsName(string text) => text.Length is > 0 and <= 63 && text.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '-');

    private static bool IsColumn(JsonObject column) =>
        column.TextAt("name") is { Length: > 0 } && column.TextAt("jsonPath") is { Length: > 0 } path && JsonPath.TryParse(path, out _, out _);

    private static JsonObject? Parse(string definition)
    {
        try
        {
            return definition.Length == 0 ? null : JsonNode.Parse(definition) as JsonObject;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
