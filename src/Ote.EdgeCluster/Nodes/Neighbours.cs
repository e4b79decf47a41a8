using System.Text.Json.Nodes;
using Ote.EdgeCluster.Workloads;
using Ote.Kube.Objects;
using Ote.Kube.Server.Selectors;

namespace Ote.EdgeCluster.Nodes;

/// <summary>
/// What a pod's affinity to other pods, theirs to it, and its topology spread say of each node. Made for one pod and the nodes as they
/// are; pods are only walked over for what the pod asks. Not thread-safe.
/// </summary>
internal sealed class Neighbours
{
    private const string Required = "requiredDuringSchedulingIgnoredDuringExecution";
    private const string Preferred = "preferredDuringSchedulingIgnoredDuringExecution";

    private readonly JsonObject _pod;
    private readonly IReadOnlyList<NodeLoad> _nodes;
    private readonly List<(string Key, HashSet<string> Domains, bool First)> _together = [];
    private readonly List<(string Key, HashSet<string> Domains)> _apart = [];
    private readonly List<(string Key, HashSet<string> Domains)> _unwelcome = [];
    private readonly List<(string Key, Dictionary<string, int> Counts, int Least, int MaxSkew, int Self, bool Hard)> _spread = [];
    private readonly List<(string Key, HashSet<string> Domains, long Weight)> _wishes = [];

    /// <summary>Looks around.</summary>
    /// <param name="pod">Not bound yet.</param>
    /// <param name="nodes">All nodes, with their pods.</param>
    /// <param name="choosy">Pods that do not want just anybody beside them.</param>
    public Neighbours(JsonObject pod, IReadOnlyList<NodeLoad> nodes, IEnumerable<JsonObject> choosy)
    {
        (_pod, _nodes) = (pod, nodes);
        var affinity = pod.At("spec", "affinity");
        foreach (var term in affinity.Items("podAffinity", Required)?.OfType<JsonObject>() ?? [])
        {
            var matches = Term(term, pod);
            var domains = Domains(Key(term), matches);

            // The first of a group finds nobody yet; it may begin where it likes.
            _together.Add((Key(term), domains, domains.Count == 0 && !Anywhere(matches) && matches(pod)));
        }

        foreach (var term in affinity.Items("podAntiAffinity", Required)?.OfType<JsonObject>() ?? [])
        {
            _apart.Add((Key(term), Domains(Key(term), Term(term, pod))));
        }

        foreach (var (side, sign) in (ReadOnlySpan<(string, long)>)[("podAffinity", 1), ("podAntiAffinity", -1)])
        {
            foreach (var wish in affinity.Items(side, Preferred) ?? [])
            {
                if (wish.At("podAffinityTerm") is JsonObject term)
                {
                    _wishes.Add((Key(term), Domains(Key(term), Term(term, pod)), sign * (wish.Whole("weight") ?? 1)));
                }
            }
        }

        foreach (var other in choosy)
        {
            foreach (var term in other.Items("spec", "affinity", "podAntiAffinity", Required)?.OfType<JsonObject>() ?? [])
            {
                if (other.Uid() != pod.Uid() && Term(term, other)(pod))
                {
                    _unwelcome.Add((Key(term), Domains(Key(term), p => p.Uid() == other.Uid())));
                }
            }
        }

        foreach (var constraint in pod.Items("spec", "topologySpreadConstraints")?.OfType<JsonObject>() ?? [])
        {
            Spread(constraint);
        }
    }

    /// <summary>Why a node is out of the question, as kubectl users know it; null when it is not.</summary>
    public string? Refusal(JsonObject node)
    {
        foreach (var (key, counts, least, maxSkew, self, hard) in _spread)
        {
            if (!hard)
            {
                continue;
            }

            if (Domain(node, key) is not { } domain)
            {
                return "node(s) didn't match pod topology spread constraints (missing required label)";
            }

            if (counts.GetValueOrDefault(domain) + self - least > maxSkew)
            {
                return "node(s) didn't match pod topology spread constraints";
            }
        }

        return _together.Exists(t => Domain(node, t.Key) is not { } domain || !(t.First || t.Domains.Contains(domain))) ? "node(s) didn't match pod affinity rules"
            : _apart.Exists(t => Domain(node, t.Key) is { } domain && t.Domains.Contains(domain)) ? "node(s) didn't match pod anti-affinity rules"
            : _unwelcome.Exists(t => Domain(node, t.Key) is { } domain && t.Domains.Contains(domain)) ? "node(s) didn't satisfy existing pods anti-affinity rules"
            : null;
    }

    /// <summary>How much the pod would like to be on a node; more is better.</summary>
    public long Preference(JsonObject node) =>
        _wishes.Where(w => Domain(node, w.Key) is { } domain && w.Domains.Contains(domain)).Sum(w => w.Weight)
        - _spread.Where(s => !s.Hard).Sum(s => Domain(node, s.Key) is { } domain ? 10L * s.Counts.GetValueOrDefault(domain) : 100L);

    private static string Key(JsonObject term) => term.Text("topologyKey") ?? "";

    private static string? Domain(JsonObject node, string key) => node.Text("metadata", "labels", key);

    /// <summary>Which pods a term of <paramref name="owner"/> means.</summary>
    private static Func<JsonObject, bool> Term(JsonObject term, JsonObject owner)
    {
        var selector = LabelSelector.FromObject(term["labelSelector"] as JsonObject);
        var named = term.Items("namespaces")?.Select(n => n.Text()).ToHashSet() ?? [];
        var all = term["namespaceSelector"] is JsonObject;
        return pod => selector is not null && (all || (named.Count > 0 ? named.Contains(pod.Namespace()) : pod.Namespace() == owner.Namespace())) && selector.Matches(pod.Labels());
    }

    private HashSet<string> Domains(string key, Func<JsonObject, bool> matches) =>
        [.. _nodes.Where(n => Domain(n.Node, key) is not null && n.Pods.Any(p => !p.IsDeleting() && matches(p))).Select(n => Domain(n.Node, key)!)];

    private bool Anywhere(Func<JsonObject, bool> matches) => _nodes.Any(n => n.Pods.Any(matches));

    private void Spread(JsonObject constraint)
    {
        var key = Key(constraint);
        var selector = LabelSelector.FromObject(constraint["labelSelector"] as JsonObject);
        bool Counts(JsonObject pod) => pod.Namespace() == _pod.Namespace() && !pod.IsDeleting() && selector?.Matches(pod.Labels()) == true;
        var spec = _pod.At("spec") as JsonObject ?? [];
        var counts = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var node in _nodes.Where(n => NodeFit.Selects(spec, n.Node)))
        {
            if (Domain(node.Node, key) is { } domain)
            {
                counts[domain] = counts.GetValueOrDefault(domain) + node.Pods.Count(Counts);
            }
        }

        _spread.Add((
            key, counts, counts.Values.DefaultIfEmpty(0).Min(), (int)(constraint.Whole("maxSkew") ?? 1), Counts(_pod) ? 1 : 0,
            constraint.Text("whenUnsatisfiable") != "ScheduleAnyway"));
    }
}
