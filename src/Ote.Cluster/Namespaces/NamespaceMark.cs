using System.Text.Json;
using System.Text.Json.Nodes;
using Ote.Kube.Objects;

namespace Ote.Cluster.Namespaces;

/// <summary>
/// What a namespace says that was made for a policy: a label names the control entry, so that people find all of them, and an annotation says for which policy, from which namespace there,
/// and which keys were carried along, so that those that are carried no more can be taken away and nobody else's are. Pure.
/// </summary>
/// <param name="Entry">The cluster whose control API has the policy.</param>
/// <param name="Policy">The policy.</param>
/// <param name="Uid">Of the namespace there.</param>
/// <param name="Labels">Keys of labels, sorted.</param>
/// <param name="Annotations">Keys of annotations, sorted.</param>
internal sealed record NamespaceMark(string Entry, string Policy, string Uid, IReadOnlyList<string> Labels, IReadOnlyList<string> Annotations)
{
    /// <summary>The label; its value is the entry's name.</summary>
    public const string Label = "ote.baidu.com/from";

    /// <summary>The annotation.</summary>
    public const string Annotation = "ote.baidu.com/carried";

    /// <summary>Reads a namespace of a cluster; null: it has no mark, or one that nobody can read, and so is the cluster's own.</summary>
    public static NamespaceMark? Of(JsonObject space)
    {
        if (space.Labels().Text(Label) is not { Length: > 0 } entry || space.Annotation(Annotation) is not { } text)
        {
            return null;
        }

        try
        {
            return JsonNode.Parse(text) is JsonObject told && told.Text("policy") is { Length: > 0 } policy
                ? new NamespaceMark(entry, policy, told.Text("uid") ?? "", Keys(told, "labels"), Keys(told, "annotations"))
                : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>The annotation's value: the same for equal marks.</summary>
    public string Text() => new JsonObject { ["policy"] = Policy, ["uid"] = Uid, ["labels"] = List(Labels), ["annotations"] = List(Annotations) }.ToJsonString();

    private static string[] Keys(JsonObject told, string field) => [.. (told.Items(field) ?? []).Select(k => k.Text()).OfType<string>()];

    private static JsonArray List(IEnumerable<string> keys) => [.. keys.Select(k => (JsonNode)k)];
}
