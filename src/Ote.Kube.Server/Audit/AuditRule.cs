using System.Collections.Immutable;

namespace Ote.Kube.Server.Audit;

/// <summary>How much is noted of a request.</summary>
internal enum AuditLevel
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>Who, what, when, from where and how it ended; no bodies.</summary>
    Metadata,
}

/// <summary>The moments of a request at which something is noted.</summary>
[Flags]
internal enum AuditStages
{
    None = 0,
    RequestReceived = 1,
    ResponseStarted = 2,
    ResponseComplete = 4,
}

/// <summary>What a rule looks at. A path that is no resource has an empty <paramref name="Resource"/>.</summary>
/// <param name="User">The caller's name, before impersonation; empty: not known.</param>
/// <param name="Groups">The caller's groups.</param>
/// <param name="Verb">In the words of RBAC.</param>
/// <param name="Group">API group.</param>
/// <param name="Resource">Plural.</param>
/// <param name="Subresource">Empty: the object itself.</param>
/// <param name="Namespace">Empty: none.</param>
/// <param name="Name">Empty: none.</param>
/// <param name="Path">Path of the URL.</param>
internal readonly record struct AuditSubject(
    string User, IReadOnlyList<string> Groups, string Verb, string Group, string Resource, string Subresource, string Namespace, string Name, string Path);

/// <summary>Resources of one group that a rule is for.</summary>
/// <param name="Group">API group; null, which no policy file can say: all of them.</param>
/// <param name="Resources"><c>pods</c>, <c>pods/log</c>, <c>pods/*</c> (pods and their parts), <c>*/status</c> or <c>*</c>; empty: all of the group.</param>
/// <param name="Names">Objects' names; empty: all.</param>
internal sealed record AuditResources(string? Group, ImmutableArray<string> Resources, ImmutableArray<string> Names)
{
    public bool Holds(AuditSubject subject)
    {
        if (Group is not null && Group != subject.Group)
        {
            return false;
        }

        return Resources.IsEmpty || ((Names.IsEmpty || Names.Contains(subject.Name)) && Resources.Any(r => Fits(r, subject.Resource, subject.Subresource)));
    }

    private static bool Fits(string rule, string resource, string part) =>
        rule == "*"
        || rule == (part.Length == 0 ? resource : $"{resource}/{part}")
        || (part.Length > 0 && rule.StartsWith("*/", StringComparison.Ordinal) && rule.AsSpan(2).SequenceEqual(part))
        || (rule.EndsWith("/*", StringComparison.Ordinal) && rule.AsSpan(0, rule.Length - 2).SequenceEqual(resource));
}

/// <summary>One rule of a policy: whom and what it is for, and how much is noted then. What a list leaves empty it does not ask for. Immutable.</summary>
internal sealed record AuditRule
{
    public AuditLevel Level { get; init; }

    public ImmutableArray<string> Users { get; init; } = [];

    public ImmutableArray<string> UserGroups { get; init; } = [];

    public ImmutableArray<string> Verbs { get; init; } = [];

    public ImmutableArray<AuditResources> Resources { get; init; } = [];

    public ImmutableArray<string> Namespaces { get; init; } = [];

    public ImmutableArray<string> NonResourceUrls { get; init; } = [];

    public AuditStages OmitStages { get; init; }

    /// <summary>Whether a request is one of those the rule is for.</summary>
    public bool Holds(AuditSubject subject)
    {
        if ((!Users.IsEmpty && !Users.Contains(subject.User)) || (!UserGroups.IsEmpty && !subject.Groups.Any(g => UserGroups.Contains(g)))
            || (!Verbs.IsEmpty && !Verbs.Contains(subject.Verb)))
        {
            return false;
        }

        var isResource = subject.Resource.Length > 0;
        if (!Namespaces.IsEmpty || !Resources.IsEmpty)
        {
            return isResource && (Namespaces.IsEmpty || Namespaces.Contains(subject.Namespace)) && (Resources.IsEmpty || Resources.Any(r => r.Holds(subject)));
        }

        return NonResourceUrls.IsEmpty || (!isResource && NonResourceUrls.Any(url => Matches(url, subject.Path)));
    }

    private static bool Matches(string rule, string path) =>
        rule == "*" || rule == path || (rule.EndsWith('*') && path.StartsWith(rule.TrimEnd('*'), StringComparison.Ordinal));
}
