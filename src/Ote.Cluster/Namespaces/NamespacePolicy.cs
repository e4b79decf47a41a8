using System.Text.Json.Nodes;
using Ote.Cluster.Commands;
using Ote.Cluster.Routing;
using Ote.Kube.Objects;
using Ote.Protocol.Tunnel;
using RouteEntry = Ote.Cluster.Routing.RouteEntry;

namespace Ote.Cluster.Namespaces;

/// <summary>A <c>NamespacePolicy</c> object, read: these namespaces of a control API are to be in those clusters too. Pure, immutable.</summary>
internal sealed class NamespacePolicy
{
    private static readonly string[] All = ["*"];
    private readonly JsonNode? _spec;
    private readonly string[] _names;
    private readonly KeyValuePair<string, string?>[] _matchLabels;
    private readonly ClusterSelector _clusters;
    private readonly string[] _labels;
    private readonly string[] _annotations;

    private NamespacePolicy(JsonObject obj, ClusterSelector clusters, Requester requester)
    {
        (Name, _spec, _clusters, Requester) = (obj.Name(), obj["spec"], clusters, requester);
        _names = Texts(obj, "namespaces") ?? [];
        _matchLabels = [.. (obj.At("spec", "namespaceSelector", "matchLabels") as JsonObject ?? []).Select(l => KeyValuePair.Create(l.Key, l.Value.Text()))];
        _labels = Texts(obj, "labels") ?? All;
        _annotations = Texts(obj, "annotations") ?? [];
        Deletes = obj.Text("spec", "deletion") == "Delete";
    }

    public string Name { get; }

    /// <summary>Whether a namespace that is deleted here is deleted where this policy made it.</summary>
    public bool Deletes { get; }

    /// <summary>As whom namespaces are made: who changed the policy last.</summary>
    public Requester Requester { get; }

    /// <summary>Reads an object; null with faults: then nothing is done for it, and nothing is undone.</summary>
    /// <param name="obj">The object.</param>
    /// <param name="entry">The cluster whose control API it is.</param>
    /// <param name="namesRequester">Whether that API server itself notes on an object who wrote it.</param>
    /// <param name="fault">What is wrong, for people; null: nothing.</param>
    public static NamespacePolicy? Read(JsonObject obj, string entry, bool namesRequester, out string? fault)
    {
        if (!ClusterSelector.TryParse(obj.Text("spec", "clusters"), out var clusters, out var error))
        {
            fault = $"spec.clusters: {error}";
            return null;
        }

        fault = null;
        return new NamespacePolicy(obj, clusters, CommandSpec.WhoAsked(obj, entry, namesRequester));
    }

    /// <summary>Namespaces that every cluster has for itself, and this product's own: no policy means them.</summary>
    public static bool IsNeverMeant(string name) =>
        name is "default" or Handling.ClusterController.SystemNamespace || name.StartsWith("kube-", StringComparison.Ordinal);

    /// <summary>Whether a namespace of the control API is meant.</summary>
    public bool Selects(JsonObject space) =>
        !space.IsDeleting() && !IsNeverMeant(space.Name()) && _names.Any(n => Glob.Matches(n, space.Name())) && _matchLabels.All(l => space.Labels().Text(l.Key) == l.Value);

    /// <summary>Of what it names, what means no namespace of the control API, and why, for people.</summary>
    public IReadOnlyList<string> LeftOut(IEnumerable<JsonObject> spaces)
    {
        JsonObject[] all = [.. spaces];
        return [.. _names.Select(n => WhyNot(n, all)).OfType<string>().Distinct(StringComparer.Ordinal)];
    }

    private string? WhyNot(string name, JsonObject[] spaces) =>
        spaces.Any(s => Selects(s) && Glob.Matches(name, s.Name())) ? null
        : Glob.IsPattern(name) ? $"{name} means none"
        : IsNeverMeant(name) ? $"{name}, which no policy carries"
        : spaces.FirstOrDefault(s => s.Name() == name) is not { } there ? $"{name}, which is not here"
        : there.IsDeleting() ? $"{name}, which is being deleted"
        : $"{name}, which has not the labels of spec.namespaceSelector";

    /// <summary>Whether it says the same, in the same user's name.</summary>
    public bool IsAs(NamespacePolicy other) => Name == other.Name && Requester.Equals(other.Requester) && JsonNode.DeepEquals(_spec, other._spec);

    /// <summary>Whether a cluster is meant.</summary>
    public bool Means(RouteEntry cluster) => _clusters.Matches(cluster.Name, cluster.Tags);

    /// <summary>What of a namespace's labels goes along.</summary>
    public IReadOnlyDictionary<string, string> LabelsOf(JsonObject space) => Pick(space.Labels(), _labels);

    /// <summary>What of a namespace's annotations goes along.</summary>
    public IReadOnlyDictionary<string, string> AnnotationsOf(JsonObject space) => Pick(space.At("metadata", "annotations") as JsonObject, _annotations);

    private static Dictionary<string, string> Pick(JsonObject? from, string[] keys)
    {
        var picked = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (key, value) in from ?? [])
        {
            // Each API server sets the name itself; what is said by this product's own keys is about the object that has them.
            if (value.Text() is { } text && key != "kubernetes.io/metadata.name" && !key.StartsWith("ote.baidu.com/", StringComparison.Ordinal) && keys.Any(k => Glob.Matches(k, key)))
            {
                picked[key] = text;
            }
        }

        return picked;
    }

    private static string[]? Texts(JsonObject obj, string field) => obj.Items("spec", field)?.Select(i => i.Text() ?? "").ToArray();
}
