using System.Text.Json.Nodes;
using Ote.Cluster.Routing;
using Ote.Kube.Objects;

namespace Ote.Cluster.Access;

/// <summary>
/// A <c>CommandPolicy</c> object, read: these subjects may have these clusters asked for what the rules say. It only ever allows. What is
/// wrong in it allows nothing. Pure, immutable.
/// </summary>
internal sealed class CommandPolicy
{
    /// <summary>A subject's name that means anyone.</summary>
    public const string Anyone = "*";

    private readonly (string Kind, string Name)[] _subjects;
    private readonly string[]? _entries;
    private readonly ClusterSelector? _clusters;
    private readonly CommandRule[] _rules;

    private CommandPolicy(string name, (string, string)[] subjects, string[]? entries, ClusterSelector? clusters, string? subtree, CommandRule[] rules) =>
        (Name, _subjects, _entries, _clusters, Subtree, _rules) = (name, subjects, entries, clusters, subtree, rules);

    public string Name { get; }

    /// <summary>The cluster at whose subtree it ends; null: none.</summary>
    public string? Subtree { get; }

    /// <summary>Whether it is about every cluster.</summary>
    public bool IsEverywhere => _clusters is null && Subtree is null;

    /// <summary>Reads an object. With faults it is there and allows nothing: it may have been meant to bound what others may.</summary>
    public static CommandPolicy Read(JsonObject obj, out IReadOnlyList<string> faults)
    {
        var wrong = new List<string>();
        var subjects = (obj.Items("spec", "subjects") ?? []).Select(s => (s.Text("kind") ?? "", s.Text("name") ?? "")).ToArray();
        wrong.AddRange(subjects
            .Select((s, i) => (s, i))
            .Where(x => x.s.Item1 is not ("User" or "Group") || x.s.Item2.Length == 0)
            .Select(x => $"spec.subjects[{x.i}]: kind is User or Group, with a name or '{Anyone}'"));
        ClusterSelector? clusters = null;
        if (obj.Text("spec", "clusters") is { } text && !ClusterSelector.TryParse(text, out clusters, out var error))
        {
            wrong.Add($"spec.clusters: {error}");
        }

        var subtree = obj.Text("spec", "subtree");
        if (subtree is not null && ClusterName.Check(subtree) is { } bad)
        {
            wrong.Add($"spec.subtree: {bad}");
        }

        var rules = (obj.Items("spec", "rules") ?? []).Select((r, i) => CommandRule.Read(r, $"spec.rules[{i}]", wrong)).ToArray();
        var entries = obj.Items("spec", "entries")?.Select(e => e is JsonValue v && v.TryGetValue(out string? name) ? name : "").ToArray();
        faults = wrong;
        return wrong.Count > 0
            ? new CommandPolicy(obj.Name(), [], null, null, null, [])
            : new CommandPolicy(obj.Name(), subjects, entries, clusters, subtree, rules);
    }

    /// <summary>Whether it allows what is asked, of the clusters it is about.</summary>
    public bool Grants(CommandAsk ask) =>
        (_entries is null || _entries.Contains(ask.Entry)) && _subjects.Any(s => IsMeant(s, ask)) && _rules.Any(r => r.Allows(ask));

    /// <summary>Whether it is about a cluster.</summary>
    /// <param name="cluster">The cluster.</param>
    /// <param name="isBelow">Whether the cluster is another or in that one's subtree.</param>
    public bool Covers(RouteEntry cluster, Func<string, string, bool> isBelow) =>
        (_clusters is null || _clusters.Matches(cluster.Name, cluster.Tags)) && (Subtree is null || isBelow(cluster.Name, Subtree));

    private static bool IsMeant((string Kind, string Name) subject, CommandAsk ask) =>
        subject.Name == Anyone || (subject.Kind == "User" ? subject.Name == ask.User : ask.Groups.Contains(subject.Name));
}
