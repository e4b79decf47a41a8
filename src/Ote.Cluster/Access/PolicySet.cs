using System.Globalization;

namespace Ote.Cluster.Access;

/// <summary>
/// All policies of one place: a controller's file, or its control API. Without any, everything is allowed that the place lets in; as soon
/// as there is one, only what some policy allows. Pure, immutable.
/// </summary>
/// <param name="place">For people: where they are kept.</param>
/// <param name="policies">The policies.</param>
/// <param name="isClosed">Whether only what is allowed goes, also without any policy.</param>
internal sealed class PolicySet(string place, IReadOnlyList<CommandPolicy> policies, bool isClosed = false)
{
    /// <summary>Whether everything is allowed.</summary>
    public bool IsOpen => policies.Count == 0 && !isClosed;

    /// <summary>Policies that allow what is asked, of the clusters they are about.</summary>
    public IReadOnlyList<CommandPolicy> Granting(CommandAsk? ask) => ask is null ? [] : [.. policies.Where(p => p.Grants(ask))];

    /// <summary>Why not, and what to do, for people.</summary>
    public string Why(CommandAsk? ask, string who) => ask is null
        ? $"{place} has command policies, and the URL of the command has more than one reading; write it plainly, as the API server does"
        : string.Create(
            CultureInfo.InvariantCulture,
            $"user '{who}' may not ask this cluster to {ask.What}: none of the {policies.Count} command policies of {place} allows it; ask who keeps them for one that does");
}
