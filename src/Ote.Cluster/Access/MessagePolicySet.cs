using System.Globalization;
using Ote.Cluster.Routing;

namespace Ote.Cluster.Access;

/// <summary>
/// All message policies of one place: a controller's file, or its control API. Without any, everything is allowed; as soon as there is one, only
/// what some policy allows. Pure, immutable.
/// </summary>
/// <param name="place">For people: where they are kept.</param>
/// <param name="policies">The policies.</param>
/// <param name="isClosed">Whether only what is allowed goes, also without any policy.</param>
internal sealed class MessagePolicySet(string place, IReadOnlyList<MessagePolicy> policies, bool isClosed = false)
{
    /// <summary>Whether everything is allowed.</summary>
    public bool IsOpen => policies.Count == 0 && !isClosed;

    /// <summary>Why a message is not allowed, and what to do, for people; null when it is.</summary>
    public string? Objection(RouteEntry from, RouteEntry to, string topic, Func<string, string, bool> isBelow) => IsOpen || policies.Any(p => p.Allows(from, to, topic, isBelow))
        ? null
        : string.Create(
            CultureInfo.InvariantCulture,
            $"{from.Name} may not send {to.Name} messages on topic '{topic}': none of the {policies.Count} message policies of {place} allows it; ask who keeps them for one that does");
}
