using System.Text.Json.Nodes;

namespace Ote.Kube.Objects;

/// <summary>YAML text as JSON nodes, by YAML 1.2's core schema the way Kubernetes' tools read it.</summary>
public static class Yaml
{
    private const int MostDepth = 128;

    /// <summary>Reads every document of a text; empty documents are left out.</summary>
    /// <param name="text">The text.</param>
    /// <param name="depth">How deep it may nest.</param>
    /// <exception cref="FormatException">The text is no YAML, nests too deep, or is too large when aliases are followed.</exception>
    public static IReadOnlyList<JsonNode> Read(string text, int depth = MostDepth) => new YamlReader(text, depth).Read();

    /// <summary>Reads the only document of a text, which must be a mapping.</summary>
    /// <param name="text">The text.</param>
    /// <param name="depth">How deep it may nest.</param>
    /// <exception cref="FormatException">Otherwise.</exception>
    public static JsonObject ReadObject(string text, int depth = MostDepth)
    {
        var documents = Read(text, depth);
        return documents is [JsonObject only]
            ? only
            : throw new FormatException(documents switch
            {
                [] => "it is empty, and a YAML mapping was expected",
                [_] => "it is no YAML mapping (`key: value`)",
                _ => $"expected one YAML mapping, found {documents.Count} documents",
            });
    }

    /// <summary>One document as block-style YAML ending in a line feed; <see cref="Read"/> gives back an equal node.</summary>
    public static string Write(JsonNode? node) => YamlWriter.Write(node);
}
