using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Ote.Kube.Objects;
using Ote.Kube.Server.Selectors;

namespace Ote.Kube.Server.Access.Rbac;

/// <summary>A Role or ClusterRole. Immutable.</summary>
/// <param name="Labels">By which other ClusterRoles take it in; not to be changed.</param>
/// <param name="Rules">Its own rules.</param>
/// <param name="TakesIn">Selectors of the ClusterRoles whose rules are its own as well.</param>
internal sealed record RbacRole(JsonObject? Labels, ImmutableArray<RbacRule> Rules, ImmutableArray<LabelSelector> TakesIn)
{
    /// <summary>Reads a role as it is stored.</summary>
    /// <param name="role">The role.</param>
    /// <param name="takesIn">Whether it may take in others, as a ClusterRole may.</param>
    public static RbacRole Read(JsonObject role, bool takesIn) => new(
        role.At("metadata", "labels") as JsonObject,
        RbacRule.ReadAll(role),
        !takesIn ? [] : [.. (role.Items("aggregationRule", "clusterRoleSelectors") ?? []).OfType<JsonObject>().Select(Selector).OfType<LabelSelector>()]);

    // One that cannot be read selects nothing.
    private static LabelSelector? Selector(JsonObject selector)
    {
        try
        {
            return LabelSelector.FromObject(selector);
        }
        catch (SelectorException)
        {
            return null;
        }
    }
}
