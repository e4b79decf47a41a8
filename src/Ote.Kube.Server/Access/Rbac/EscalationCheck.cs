using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Ote.Kube.Objects;
using Ote.Kube.Server.Admission;
using Ote.Kube.Server.Http;

namespace Ote.Kube.Server.Access.Rbac;

/// <summary>
/// Nobody gives away by a role or a binding what they may not do themselves, unless they may <c>escalate</c> roles or <c>bind</c> this one:
/// https://kubernetes.io/docs/reference/access-authn-authz/rbac/#privilege-escalation-prevention-and-bootstrapping.
/// </summary>
internal sealed class EscalationCheck(RbacTable table, IAuthorizer authorizer) : IAdmission
{
    private const string Group = "rbac.authorization.k8s.io";
    private const int MostTold = 20;

    /// <inheritdoc/>
    public AdmissionVerdict Decide(AdmissionRequest request)
    {
        if (request is not { Group: Group, Object: { } obj } || request.User.IsMaster)
        {
            return AdmissionVerdict.Allow;
        }

        return request.Kind switch
        {
            "Role" or "ClusterRole" => Verdict(OfRole(request.User, request.Kind, obj, request.Old)),
            "RoleBinding" or "ClusterRoleBinding" => OfBinding(request.User, obj, request.Old),
            _ => AdmissionVerdict.Allow,
        };
    }

    private static AdmissionVerdict Verdict(string? denial) => denial is null ? AdmissionVerdict.Allow : AdmissionVerdict.Deny(denial);

    private string? OfRole(UserInfo user, string kind, JsonObject role, JsonObject? old)
    {
        if (old is not null && JsonNode.DeepEquals(old["rules"], role["rules"]) && JsonNode.DeepEquals(old["aggregationRule"], role["aggregationRule"]))
        {
            return null;
        }

        var ns = role.Namespace() is { Length: > 0 } own ? own : null;
        if (authorizer.Refuse(user, new AccessRequest("escalate", Group, kind == "Role" ? "roles" : "clusterroles", ns, role.Name())) is null)
        {
            return null;
        }

        if (role["aggregationRule"] is JsonObject)
        {
            RbacRule all = new() { Verbs = ["*"], Groups = ["*"], Resources = ["*"] }, everywhere = new() { Verbs = ["*"], Paths = ["*"] };
            return Missing(user, null, [all, everywhere]) is null ? null : "must have cluster-admin privileges to use the aggregationRule";
        }

        return Missing(user, ns, RbacRule.ReadAll(role));
    }

    private AdmissionVerdict OfBinding(UserInfo user, JsonObject obj, JsonObject? old)
    {
        if (old is not null && JsonNode.DeepEquals(old["roleRef"], obj["roleRef"]) && JsonNode.DeepEquals(old["subjects"], obj["subjects"]))
        {
            return AdmissionVerdict.Allow;
        }

        var ns = obj.Namespace() is { Length: > 0 } own ? own : null;
        var binding = RbacBinding.Read(obj, ns ?? "");
        if (authorizer.Refuse(user, new AccessRequest("bind", Group, binding.IsClusterRole ? "clusterroles" : "roles", ns, binding.Role)) is null)
        {
            return AdmissionVerdict.Allow;
        }

        if (table.RulesOf(binding) is { } rules)
        {
            return Verdict(Missing(user, ns, rules));
        }

        // What a role that is not there would give cannot be held against anything; the real server answers as if the role had been asked for.
        var missing = ApiError.NotFound(Group, binding.IsClusterRole ? "clusterroles" : "roles", binding.Role);
        return AdmissionVerdict.Deny(missing.Message) with { Refusal = missing };
    }

    /// <summary>What of the rules the user does not hold, in words; null: the user holds all.</summary>
    private string? Missing(UserInfo user, string? ns, IEnumerable<RbacRule> rules)
    {
        ImmutableArray<RbacRule> held = [.. table.RulesFor(user, ns).Select(r => r.Rule)];
        string[] missing = [.. rules.SelectMany(r => r.Singles()).Where(one => !held.Any(h => h.Covers(one))).Take(MostTold + 1).Select(one => one.ToString())];
        if (missing.Length == 0)
        {
            return null;
        }

        var groups = string.Join(' ', user.Groups.Select(g => $"\"{g}\""));
        return $"user \"{user.Name}\" (groups=[{groups}]) is attempting to grant RBAC permissions not currently held:\n"
            + string.Join('\n', missing.Take(MostTold)) + (missing.Length > MostTold ? "\n..." : "");
    }
}
