using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Ote.Kube.Objects;

namespace Ote.Kube.Server.Access.Rbac;

/// <summary>One rule of a Role or ClusterRole. Immutable. Matching is that of https://kubernetes.io/docs/reference/access-authn-authz/rbac/.</summary>
internal sealed record RbacRule
{
    private const string Any = "*";

    public ImmutableArray<string> Verbs { get; init; } = [];

    public ImmutableArray<string> Groups { get; init; } = [];

    public ImmutableArray<string> Resources { get; init; } = [];

    /// <summary>Empty: any.</summary>
    public ImmutableArray<string> Names { get; init; } = [];

    public ImmutableArray<string> Paths { get; init; } = [];

    /// <summary>Reads a rule as it is stored; what is no text is left out.</summary>
    public static RbacRule Read(JsonObject rule) => new()
    {
        Verbs = Texts(rule, "verbs"),
        Groups = Texts(rule, "apiGroups"),
        Resources = Texts(rule, "resources"),
        Names = Texts(rule, "resourceNames"),
        Paths = Texts(rule, "nonResourceURLs"),
    };

    /// <summary>The rules of a role's <c>rules</c>.</summary>
    public static ImmutableArray<RbacRule> ReadAll(JsonObject role) => [.. (role.Items("rules") ?? []).OfType<JsonObject>().Select(Read)];

    /// <summary>Whether it allows what is asked for.</summary>
    public bool Allows(AccessRequest request) => request.Path is { } path
        ? Has(Verbs, request.Verb) && Paths.Any(p => IsPath(p, path))
        : Has(Verbs, request.Verb) && Has(Groups, request.Group) && Resources.Any(r => IsResource(r, request.Resource))
            && (Names.IsEmpty || (request.Name is { } name && Names.Contains(name)));

    /// <summary>Whether it allows all that a rule of one verb and one resource and name, or path, does.</summary>
    public bool Covers(RbacRule single)
    {
        if (!single.Paths.IsEmpty)
        {
            return Has(Verbs, single.Verbs[0]) && Paths.Any(p => p == Any || p == single.Paths[0] || (p.EndsWith('*') && single.Paths[0].StartsWith(p[..^1], StringComparison.Ordinal)));
        }

        return Has(Verbs, single.Verbs[0]) && Has(Groups, single.Groups[0]) && Resources.Any(r => IsResource(r, single.Resources[0]))
            && (Names.IsEmpty || (!single.Names.IsEmpty && Names.Contains(single.Names[0])));
    }

    /// <summary>The same as rules of one verb and one resource and name, or path, each.</summary>
    public IEnumerable<RbacRule> Singles()
    {
        foreach (var verb in Verbs)
        {
            foreach (var path in Paths)
            {
                yield return new RbacRule { Verbs = [verb], Paths = [path] };
            }

            foreach (var (group, resource) in Groups.SelectMany(g => Resources.Select(r => (g, r))))
            {
                var one = new RbacRule { Verbs = [verb], Groups = [group], Resources = [resource] };
                if (Names.IsEmpty)
                {
                    yield return one;
                }

                foreach (var name in Names)
                {
                    yield return one with { Names = [name] };
                }
            }
        }
    }

    /// <summary>As Kubernetes' API server writes a rule in a refusal.</summary>
    public override string ToString()
    {
        static string Part(string name, ImmutableArray<string> values) => values.IsEmpty ? "" : $"{name}:[{string.Join(", ", values.Select(v => $"\"{v}\""))}]";
        string[] parts = [Part("APIGroups", Groups), Part("Resources", Resources), Part("ResourceNames", Names), Part("NonResourceURLs", Paths), Part("Verbs", Verbs)];
        return $"{{{string.Join(", ", parts.Where(p => p.Length > 0))}}}";
    }

    private static bool Has(ImmutableArray<string> values, string wanted) => values.Contains(wanted) || values.Contains(Any);

    private static bool IsPath(string rule, string path) =>
        rule == Any || rule == path || (rule.EndsWith('*') && path.StartsWith(rule[..^1], StringComparison.Ordinal));

    /// <summary><c>*/scale</c> is that part of every resource; <c>pods</c> is not its parts.</summary>
    private static bool IsResource(string rule, string resource)
    {
        if (rule == Any || rule == resource)
        {
            return true;
        }

        var slash = resource.IndexOf('/', StringComparison.Ordinal);
        return slash >= 0 && rule.StartsWith("*/", StringComparison.Ordinal) && rule.AsSpan(2).SequenceEqual(resource.AsSpan(slash + 1));
    }

    private static ImmutableArray<string> Texts(JsonObject rule, string field) =>
        [.. (rule.Items(field) ?? []).OfType<JsonValue>().Where(v => v.GetValueKind() == System.Text.Json.JsonValueKind.String).Select(v => v.GetValue<string>())];
}
