using System.Collections.Concurrent;
using System.Collections.Immutable;
using Ote.Kube.Server.Lifecycle;
using Ote.Kube.Server.Schema;
using Ote.Kube.Server.Store;

namespace Ote.Kube.Server.Access.Rbac;

/// <summary>
/// The roles and bindings that are stored, found by whom they are for; kept in step with the store's commits, so whoever has written a binding is
/// judged by it from then on. Thread-safe: a question sees one state.
/// </summary>
internal sealed class RbacTable
{
    private const string Group = "rbac.authorization.k8s.io/";
    private const string Roles = Group + "roles";
    private const string ClusterRoles = Group + "clusterroles";
    private const string RoleBindings = Group + "rolebindings";
    private const string ClusterRoleBindings = Group + "clusterrolebindings";

    private volatile State _state = new(
        ImmutableDictionary<(string, string), RbacRole>.Empty, ImmutableDictionary<(string, string), RbacBinding>.Empty,
        ImmutableDictionary<(string, string), ImmutableArray<RbacBinding>>.Empty);

    /// <summary>Reads what is stored.</summary>
    public async Task LoadAsync(ObjectStore store, CancellationToken cancellation)
    {
        foreach (var resource in (string[])[Roles, ClusterRoles, RoleBindings, ClusterRoleBindings])
        {
            await foreach (var page in StoreScan.PagesAsync(store, resource, null, cancellation).ConfigureAwait(false))
            {
                foreach (var stored in page)
                {
                    Put(stored.Key, stored.Json);
                }
            }
        }
    }

    /// <summary>Takes in one commit; called in commit order.</summary>
    public void On(Change change)
    {
        if (change.Key.Resource.StartsWith(Group, StringComparison.Ordinal))
        {
            Put(change.Key, change.Kind == ChangeKind.Deleted ? null : change.Json);
        }
    }

    /// <summary>Each rule that counts for a user in a namespace (null: at cluster scope), with the binding it comes by.</summary>
    /// <param name="user">The user.</param>
    /// <param name="ns">The namespace.</param>
    /// <param name="missing">Told of roles that bindings name and nobody has made.</param>
    public IEnumerable<(RbacBinding Binding, RbacRule Rule)> RulesFor(UserInfo user, string? ns, Action<RbacBinding>? missing = null)
    {
        var state = _state;
        IEnumerable<string> subjects = [RbacBinding.UserKey(user.Name), .. user.Groups.Select(RbacBinding.GroupKey)];
        foreach (var scope in string.IsNullOrEmpty(ns) ? (string[])[""] : ["", ns])
        {
            foreach (var binding in subjects.SelectMany(s => state.For(scope, s)))
            {
                if (state.RulesOf(binding) is not { } rules)
                {
                    missing?.Invoke(binding);
                    continue;
                }

                foreach (var rule in rules)
                {
                    yield return (binding, rule);
                }
            }
        }
    }

    /// <summary>The rules of the role that a binding names; null when there is no such role.</summary>
    public ImmutableArray<RbacRule>? RulesOf(RbacBinding binding) => _state.RulesOf(binding);

    private void Put(StoreKey key, byte[]? json)
    {
        var state = _state;
        var at = (key.Namespace, key.Name);
        var obj = json is null ? null : ObjectJson.Stored(json);
        _state = key.Resource is Roles or ClusterRoles
            ? state.With(at, obj is null ? null : RbacRole.Read(obj, takesIn: key.Resource == ClusterRoles))
            : state.With(at, obj is null ? null : RbacBinding.Read(obj, key.Namespace));
    }

    /// <param name="all">Roles by namespace and name; ClusterRoles have no namespace.</param>
    /// <param name="bindings">Bindings, likewise.</param>
    /// <param name="index">Bindings by namespace and subject.</param>
    private sealed class State(
        ImmutableDictionary<(string Namespace, string Name), RbacRole> all, ImmutableDictionary<(string Namespace, string Name), RbacBinding> bindings,
        ImmutableDictionary<(string Namespace, string Subject), ImmutableArray<RbacBinding>> index)
    {
        // Of roles that take in others; another state begins with none.
        private readonly ConcurrentDictionary<string, ImmutableArray<RbacRule>> _resolved = new(StringComparer.Ordinal);

        public ImmutableArray<RbacRule>? RulesOf(RbacBinding binding)
        {
            if (!all.TryGetValue((binding.IsClusterRole ? "" : binding.Namespace, binding.Role), out var role))
            {
                return null;
            }

            return role.TakesIn.IsEmpty ? role.Rules : _resolved.GetOrAdd(binding.Role, _ => [.. Resolve(role, []).Distinct()]);
        }

        private IEnumerable<RbacRule> Resolve(RbacRole role, HashSet<RbacRole> seen)
        {
            if (!seen.Add(role))
            {
                return [];
            }

            var others = all.Where(r => r.Key.Namespace.Length == 0 && role.TakesIn.Any(s => s.Matches(r.Value.Labels))).Select(r => r.Value);
            return role.TakesIn.IsEmpty ? role.Rules : role.Rules.Concat(others.SelectMany(r => Resolve(r, seen)));
        }

        public State With((string Namespace, string Name) at, RbacBinding? binding)
        {
            var found = index;
            if (bindings.TryGetValue(at, out var former))
            {
                foreach (var subject in former.Subjects)
                {
                    var left = found[(at.Namespace, subject)].Remove(former);
                    found = left.IsEmpty ? found.Remove((at.Namespace, subject)) : found.SetItem((at.Namespace, subject), left);
                }
            }

            foreach (var subject in binding?.Subjects ?? [])
            {
                found = found.SetItem((at.Namespace, subject), found.GetValueOrDefault((at.Namespace, subject), []).Add(binding!));
            }

            return new State(all, binding is null ? bindings.Remove(at) : bindings.SetItem(at, binding), found);
        }

        public State With((string Namespace, string Name) at, RbacRole? role) => new(role is null ? all.Remove(at) : all.SetItem(at, role), bindings, index);

        public ImmutableArray<RbacBinding> For(string ns, string subject) => index.GetValueOrDefault((ns, subject), []);
    }
}
