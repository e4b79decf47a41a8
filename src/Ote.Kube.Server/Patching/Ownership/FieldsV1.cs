using System.Text.Json;
using System.Text.Json.Nodes;
using Ote.Kube.Server.Schema;

namespace Ote.Kube.Server.Patching.Ownership;

/// <summary>The <c>fieldsV1</c> form of a <see cref="FieldSet"/>: steps are names, a step that is a member and has others below it holds a dot.</summary>
internal static class FieldsV1
{
    /// <summary>
    /// Reads a document that somebody sent. Its depth and size are those of the request, which are bounded; steps of unknown kinds are passed over.
    /// </summary>
    /// <exception cref="FormatException">It is no such document.</exception>
    public static FieldSet Parse(JsonNode? document)
    {
        if (document is not JsonObject map)
            return document is null ? FieldSet.Empty : throw new FormatException("a set of fields must be an object");
        FieldSet set = FieldSet.Empty;
        List<FieldSet.Branch> branches = new(map.Count);
        HashSet<string> seen = new(map.Count, StringComparer.Ordinal);
        foreach ((string name, JsonNode? node) in map)
        {
            if (name == PathElement.Self || PathElement.Parse(name) is not { } element)
                continue;
            if (node is not JsonObject below)
                throw new FormatException($"what is below \"{name}\" must be an object");
            FieldSet.Branch branch = new(element, below.Count == 0 || below.ContainsKey(PathElement.Self), Parse(below));
            if (!branch.IsMember && branch.Below.IsEmpty)
                continue;
            // Two texts may name one step: {"a":1,"b":2} and {"b":2,"a":1}.
            if (seen.Add(element.Text))
                branches.Add(branch);
            else
                set = set.Union(FieldSet.Of([branch]));
        }
        return FieldSet.Of(branches).Union(set);
    }

    public static void Write(Utf8JsonWriter writer, FieldSet set) => Write(writer, set, self: false);

    /// <summary>The document as a tree of its own.</summary>
    public static JsonObject ToJson(FieldSet set)
    {
        using MemoryStream buffer = new();
        using (Utf8JsonWriter writer = new(buffer, Http.Answers.Relaxed))
            Write(writer, set);
        return (JsonObject)JsonNode.Parse(buffer.ToArray(), null, new JsonDocumentOptions { MaxDepth = ObjectJson.StoredDepth })!;
    }

    private static void Write(Utf8JsonWriter writer, FieldSet set, bool self)
    {
        if (set.Document is { } document && document.ContainsKey(PathElement.Self) == self)
        {
            document.WriteTo(writer);
            return;
        }
        writer.WriteStartObject();
        if (self)
            WriteLeaf(writer, PathElement.Self);
        foreach (FieldSet.Branch branch in set.Branches)
        {
            if (branch.Below.IsEmpty)
            {
                WriteLeaf(writer, branch.Element.Text);
                continue;
            }
            writer.WritePropertyName(branch.Element.Text);
            Write(writer, branch.Below, branch.IsMember);
        }
        writer.WriteEndObject();
    }

    private static void WriteLeaf(Utf8JsonWriter writer, string name)
    {
        writer.WriteStartObject(name);
        writer.WriteEndObject();
    }
}
