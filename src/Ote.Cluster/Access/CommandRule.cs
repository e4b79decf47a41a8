using System.Text.Json.Nodes;
using Ote.Kube.Objects;

namespace Ote.Cluster.Access;

/// <summary>
/// One rule of a <see cref="CommandPolicy"/>: what may be asked for. It reads as a rule of an RBAC role does, with namespaces beside:
/// <c>*</c> is all of a field, and a field that is left out allows nothing, but for namespaces and resource names, which then bound nothing.
/// </summary>
internal sealed class CommandRule
{
    private const int MostShown = 40;
    private const string Known = "get, list, create, update, patch, delete, deletecollection, or '*'";

    private readonly string[] _verbs;
    private readonly string[] _groups;
    private readonly string[] _resources;
    private readonly string[]? _namespaces;
    private readonly string[]? _names;
    private readonly string[] _paths;

    private CommandRule(JsonNode? rule)
    {
        _verbs = Texts(rule, "verbs") ?? [];
        _groups = Texts(rule, "apiGroups") ?? [];
        _resources = Texts(rule, "resources") ?? [];
        _namespaces = Texts(rule, "namespaces");
        _names = Texts(rule, "resourceNames");
        _paths = Texts(rule, "nonResourceURLs") ?? [];
    }

    /// <summary>Reads a rule; what makes it allow nothing at all is told.</summary>
    public static CommandRule Read(JsonNode? rule, string field, List<string> faults)
    {
        var read = new CommandRule(rule);
        if (read._verbs.Length == 0)
        {
            faults.Add($"{field}.verbs: none; name {Known}");
        }

        faults.AddRange(read._verbs.Where(verb => !IsVerb(verb)).Distinct(StringComparer.Ordinal).Select(verb => $"{field}.verbs: '{Shown(verb)}' is none of {Known}"));

        if (read._paths.Length == 0 && (read._groups.Length == 0 || read._resources.Length == 0))
        {
            faults.Add($"{field}: give apiGroups and resources ('' is the core group), or nonResourceURLs");
        }

        return read;
    }

    /// <summary>Whether it allows what is asked for.</summary>
    public bool Allows(CommandAsk ask)
    {
        if (!Has(_verbs, ask.Verb))
        {
            return false;
        }

        if (ask.Group is null)
        {
            return _paths.Any(p => p == "*" || p == ask.Path || (p.EndsWith("/*", StringComparison.Ordinal) && ask.Path.StartsWith(p[..^1], StringComparison.Ordinal)));
        }

        return Has(_groups, ask.Group)
            && HasResource(ask.Resource)
            && (_namespaces is null || (ask.Namespace is not null && Has(_namespaces, ask.Namespace)))
            && (_names is null || (ask.Name is not null && _names.Contains(ask.Name)));
    }

    // Of a path that is no resource's the verb is the method. No command watches, but rules copied from an RBAC role name that too.
    private static bool IsVerb(string verb) =>
        verb is "*" or "get" or "list" or "watch" or "create" or "update" or "patch" or "delete" or "deletecollection" or "head" or "post" or "put";

    private static string Shown(string verb) => verb.Length <= MostShown ? verb : verb[..MostShown] + "…";

    private static bool Has(string[] allowed, string one) => allowed.Contains("*") || allowed.Contains(one);

    private bool HasResource(string resource)
    {
        var slash = resource.IndexOf('/', StringComparison.Ordinal);
        return Has(_resources, resource) || (slash > 0 && _resources.Contains("*" + resource[slash..]));
    }

    private static string[]? Texts(JsonNode? rule, string field) =>
        rule.Items(field)?.Select(t => t is JsonValue value && value.TryGetValue(out string? text) ? text : "").ToArray();
}
