using System.Text.Json.Nodes;
using Ote.Kube.Objects;

namespace Ote.Cluster.Namespaces;

/// <summary>How a namespace is to be in a cluster. Pure, immutable.</summary>
internal sealed class NamespaceWish
{
    private readonly IReadOnlyDictionary<string, string> _labels;
    private readonly IReadOnlyDictionary<string, string> _annotations;
    private readonly NamespaceMark _mark;

    /// <summary>What a policy wants of a namespace of its control API.</summary>
    public NamespaceWish(NamespacePolicy policy, JsonObject source, string entry)
    {
        (Policy, Name) = (policy, source.Name());
        (_labels, _annotations) = (policy.LabelsOf(source), policy.AnnotationsOf(source));
        _mark = new NamespaceMark(entry, policy.Name, source.Uid(), [.. _labels.Keys.Order(StringComparer.Ordinal)], [.. _annotations.Keys.Order(StringComparer.Ordinal)]);
    }

    /// <summary>Who wants it.</summary>
    public NamespacePolicy Policy { get; }

    /// <summary>Its name, here and there.</summary>
    public string Name { get; }

    /// <summary>Whether it is the same, for the same reason.</summary>
    public bool IsAs(NamespaceWish other) => JsonNode.DeepEquals(Body(), other.Body());

    /// <summary>What is to be done about it.</summary>
    /// <param name="there">The namespace as the cluster has it; null: it has none of that name.</param>
    /// <param name="isRetired">Whether a namespace of the control API, by its uid, was deleted there, and this policy deletes after it.</param>
    public NamespaceStep Against(JsonObject? there, Func<string, bool> isRetired)
    {
        if (there is null)
        {
            return new NamespaceStep(NamespaceDeed.Create, Body());
        }

        if (there.IsDeleting())
        {
            return NamespaceStep.Leave("Terminating", "the cluster is deleting the one it has; it is made when that is gone");
        }

        if (NamespaceMark.Of(there) is not { } mark)
        {
            return NamespaceStep.Leave("NotOurs", $"the cluster has one of that name that no policy made, and it is left as it is; to give it to the policy, label it there {NamespaceMark.Label}={_mark.Entry} and annotate it {NamespaceMark.Annotation}='{_mark.Text()}'");
        }

        if (mark.Entry != _mark.Entry)
        {
            return NamespaceStep.Leave("NotOurs", $"it is there by a policy of {mark.Entry}'s control API");
        }

        return mark.Uid != _mark.Uid && isRetired(mark.Uid)
            ? new NamespaceStep(NamespaceDeed.Delete, Uid: there.Uid()) // of one that was deleted here and made anew; so it is there
            : Change(there, mark) is { } change ? new NamespaceStep(NamespaceDeed.Change, change) : NamespaceStep.Nothing;
    }

    private JsonObject Body() => new()
    {
        ["apiVersion"] = Kinds.Namespaces.ApiVersion,
        ["kind"] = Kinds.Namespaces.Kind,
        ["metadata"] = new JsonObject { ["name"] = Name, ["labels"] = Labels(), ["annotations"] = Annotations() },
    };

    private JsonObject Labels() => new([.. _labels.OrderBy(l => l.Key, StringComparer.Ordinal).Append(KeyValuePair.Create(NamespaceMark.Label, _mark.Entry)).Select(Pair)]);

    private JsonObject Annotations() => new([.. _annotations.OrderBy(a => a.Key, StringComparer.Ordinal).Append(KeyValuePair.Create(NamespaceMark.Annotation, _mark.Text())).Select(Pair)]);

    /// <summary>The merge patch that makes it so; null: it is so.</summary>
    private JsonObject? Change(JsonObject there, NamespaceMark mark)
    {
        var labels = Difference(there.Labels(), Labels(), mark.Labels);
        var annotations = Difference(there.At("metadata", "annotations") as JsonObject, Annotations(), mark.Annotations);
        if (labels.Count + annotations.Count == 0)
        {
            return null;
        }

        // Only if it is still the one that was reported, in the state that was: otherwise what it is now is reported soon.
        var metadata = new JsonObject { ["uid"] = there.Uid(), ["resourceVersion"] = there.ResourceVersion() };
        if (labels.Count > 0)
        {
            metadata["labels"] = labels;
        }

        if (annotations.Count > 0)
        {
            metadata["annotations"] = annotations;
        }

        return new JsonObject { ["metadata"] = metadata };
    }

    /// <summary>What has other values, and what was carried formerly and is no more.</summary>
    private static JsonObject Difference(JsonObject? there, JsonObject wanted, IReadOnlyList<string> formerly)
    {
        var difference = new JsonObject();
        foreach (var (key, value) in wanted)
        {
            if (there.Text(key) != value.Text())
            {
                difference[key] = value!.DeepClone();
            }
        }

        foreach (var key in formerly.Where(k => !wanted.ContainsKey(k) && there?.ContainsKey(k) == true))
        {
            difference[key] = null;
        }

        return difference;
    }

    private static KeyValuePair<string, JsonNode?> Pair(KeyValuePair<string, string> pair) => KeyValuePair.Create(pair.Key, (JsonNode?)pair.Value);
}
