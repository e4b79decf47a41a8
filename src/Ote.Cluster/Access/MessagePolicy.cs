using System.Text.Json.Nodes;
using Ote.Cluster.Routing;
using Ote.Kube.Objects;

namespace Ote.Cluster.Access;

/// <summary>
/// A <c>MessagePolicy</c> object, read: these clusters may send those messages on these topics. It only ever allows. What is wrong in it allows
/// nothing. Pure, immutable.
/// </summary>
internal sealed class MessagePolicy
{
    private readonly Side _from;
    private readonly Side _to;
    private readonly string[]? _topics;

    private MessagePolicy(string name, Side from, Side to, string[]? topics) => (Name, _from, _to, _topics) = (name, from, to, topics);

    public string Name { get; }

    /// <summary>The clusters at whose subtrees its two sides end.</summary>
    public IReadOnlyList<string> Subtrees => [.. new[] { _from.Subtree, _to.Subtree }.OfType<string>()];

    /// <summary>Reads an object. With faults it is there and allows nothing: it may have been meant to bound what others may.</summary>
    public static MessagePolicy Read(JsonObject obj, out IReadOnlyList<string> faults)
    {
        var wrong = new List<string>();
        var (from, to) = (Side.Read(obj, "from", wrong), Side.Read(obj, "to", wrong));
        var topics = obj.Items("spec", "topics")?.Select(t => t is JsonValue v && v.TryGetValue(out string? text) ? text : "").ToArray();
        if (topics?.Contains("") == true)
        {
            wrong.Add("spec.topics: each is a text that is not empty, such as 'stock' or 'prices/*'");
        }

        faults = wrong;
        return new MessagePolicy(obj.Name(), from, to, wrong.Count > 0 ? [] : topics);
    }

    /// <summary>Whether it allows a message.</summary>
    /// <param name="from">Whose it is.</param>
    /// <param name="to">Whom it is for.</param>
    /// <param name="topic">What it is about.</param>
    /// <param name="isBelow">Whether a cluster is another or in that one's subtree.</param>
    public bool Allows(RouteEntry from, RouteEntry to, string topic, Func<string, string, bool> isBelow) =>
        (_topics is null || _topics.Any(t => t == topic || (t.EndsWith('*') && topic.StartsWith(t[..^1], StringComparison.Ordinal))))
        && _from.Covers(from, isBelow) && _to.Covers(to, isBelow);

    private sealed record Side(ClusterSelector? Clusters, string? Subtree)
    {
        public static Side Read(JsonObject obj, string field, List<string> faults)
        {
            ClusterSelector? clusters = null;
            if (obj.Text("spec", field, "clusters") is { } text && !ClusterSelector.TryParse(text, out clusters, out var error))
            {
                faults.Add($"spec.{field}.clusters: {error}");
            }

            var subtree = obj.Text("spec", field, "subtree");
            if (subtree is not null && ClusterName.Check(subtree) is { } bad)
            {
                faults.Add($"spec.{field}.subtree: {bad}");
            }

            return new Side(clusters, subtree);
        }

        public bool Covers(RouteEntry cluster, Func<string, string, bool> isBelow) =>
            (Clusters is null || Clusters.Matches(cluster.Name, cluster.Tags)) && (Subtree is null || isBelow(cluster.Name, Subtree));
    }
}
