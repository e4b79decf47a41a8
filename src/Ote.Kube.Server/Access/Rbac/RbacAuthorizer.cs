namespace Ote.Kube.Server.Access.Rbac;

/// <summary>
/// Who may do what at this server: masters everything, anyone sees health and version, and beyond that what the host's own authorizer or the stored
/// roles and bindings allow. Thread-safe.
/// </summary>
/// <param name="table">Roles and bindings.</param>
/// <param name="others">The host's; null: it has none.</param>
internal sealed class RbacAuthorizer(RbacTable table, IAuthorizer? others) : IAuthorizer
{
    private readonly MastersAuthorizer _masters = new();

    /// <summary>Whether the host allows things that are in no role, so that roles are not all there is to tell.</summary>
    public bool HasOthers => others is not null;

    /// <inheritdoc/>
    public string? Refuse(UserInfo user, AccessRequest request) => Allows(user, request, out var reason) ? null : reason;

    /// <summary>Whether it is allowed, and why, as far as there is something to say.</summary>
    public bool Allows(UserInfo user, AccessRequest request, out string reason)
    {
        reason = "";
        if (_masters.Refuse(user, request) is null)
        {
            return true;
        }

        List<string> missing = [];
        foreach (var (binding, rule) in table.RulesFor(user, request.Path is null ? request.Namespace : null, b => missing.Add(Missing(b))))
        {
            if (rule.Allows(request))
            {
                reason = $"RBAC: allowed by {Kind(binding, "Binding")} \"{Place(binding)}\" of {(binding.IsClusterRole ? "ClusterRole" : "Role")} \"{binding.Role}\" to {Whom(binding, user)}";
                return true;
            }
        }

        if (others?.Refuse(user, request) is var refused && refused is null && others is not null)
        {
            return true;
        }

        reason = missing.Count == 0 ? refused ?? "" : $"RBAC: {(missing.Count == 1 ? missing[0] : $"[{string.Join(", ", missing)}]")}";
        return false;
    }

    private static string Missing(RbacBinding binding) => $"{(binding.IsClusterRole ? "clusterrole" : "role")}.rbac.authorization.k8s.io \"{binding.Role}\" not found";

    private static string Kind(RbacBinding binding, string kind) => (binding.Namespace.Length == 0 ? "ClusterRole" : "Role") + kind;

    private static string Place(RbacBinding binding) => binding.Namespace.Length == 0 ? binding.Name : $"{binding.Name}/{binding.Namespace}";

    private static string Whom(RbacBinding binding, UserInfo user) =>
        user.Groups.FirstOrDefault(g => binding.Subjects.Contains(RbacBinding.GroupKey(g))) is { } group && !binding.Subjects.Contains(RbacBinding.UserKey(user.Name))
            ? $"Group \"{group}\""
            : $"User \"{user.Name}\"";
}
