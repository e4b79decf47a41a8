using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Ote.Kube.Objects;

namespace Ote.Kube.Server.Access.Rbac;

/// <summary>A RoleBinding or ClusterRoleBinding. Immutable.</summary>
/// <param name="Namespace">Where it counts; empty: everywhere.</param>
/// <param name="Name">Its name.</param>
/// <param name="IsClusterRole">Whether the role it names is a ClusterRole.</param>
/// <param name="Role">The role's name.</param>
/// <param name="Subjects">Whom it is for, as <see cref="UserKey"/> and <see cref="GroupKey"/> write it.</param>
internal sealed record RbacBinding(string Namespace, string Name, bool IsClusterRole, string Role, ImmutableArray<string> Subjects)
{
    private const string RbacGroup = "rbac.authorization.k8s.io";

    /// <summary>What a user is found by.</summary>
    public static string UserKey(string name) => "u:" + name;

    /// <summary>What a group is found by.</summary>
    public static string GroupKey(string name) => "g:" + name;

    /// <summary>Reads a binding as it is stored; a subject that cannot be anybody is left out.</summary>
    public static RbacBinding Read(JsonObject binding, string ns) => new(
        ns,
        binding.Name(),
        binding.Text("roleRef", "kind") == "ClusterRole",
        binding.Text("roleRef", "name") ?? "",
        [.. (binding.Items("subjects") ?? []).OfType<JsonObject>().Select(s => Key(s, ns)).OfType<string>().Distinct(StringComparer.Ordinal)]);

    private static string? Key(JsonObject subject, string ns)
    {
        var name = subject.Text("name") ?? "";
        var own = subject.Text("namespace") is { Length: > 0 } said ? said : ns;
        return (subject.Text("kind"), subject.Text("apiGroup") ?? "") switch
        {
            ("User", "" or RbacGroup) => UserKey(name),
            ("Group", "" or RbacGroup) => GroupKey(name),
            ("ServiceAccount", "") when own.Length > 0 => UserKey($"system:serviceaccount:{own}:{name}"),
            _ => null,
        };
    }
}
