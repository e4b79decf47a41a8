using System.Text.Json.Nodes;
using Ote.Kube.Objects;

namespace Ote.Controllers.EdgeNodes;

/// <summary>What is known of when a kubelet was last heard.</summary>
/// <param name="Since">How long ago: by this machine's own clock where it was heard here, by the lease's word where it was not, which a wrong clock of its node makes too long or, never below nothing, too short.</param>
/// <param name="Watched">For how long of that it surely was not heard: by this controller, or by the one that renewed the lease in its place.</param>
/// <param name="IsHeard">Whether it was heard here: its lease was renewed since it was first seen, and not in its place.</param>
/// <param name="IsKept">Whether its lease was last renewed in its place.</param>
public sealed record Hearing(TimeSpan Since, TimeSpan Watched, bool IsHeard, bool IsKept)
{
    /// <summary>A node without a lease: it says nothing by not renewing it.</summary>
    public static Hearing Nothing { get; } = new(TimeSpan.Zero, TimeSpan.Zero, false, false);

    /// <summary>
    /// How long ago it was by all that is known. Where nobody but the lease says when it was, who led before may have heard it later; and a lease that is older than the node may be on its own, of a node that Kubernetes took for
    /// alive long after that, was written by a wrong clock: what Kubernetes saw counts then. Pure.
    /// </summary>
    /// <param name="node">The Node.</param>
    /// <param name="state">Its EdgeNode; null: there is none yet.</param>
    /// <param name="longest">How long it may be on its own; null: it is not opted in.</param>
    /// <param name="silence">How long a kubelet may be unheard before its site is asked; Kubernetes gives it up within twice that.</param>
    /// <param name="now">The time.</param>
    public TimeSpan SinceByAll(JsonObject node, JsonObject? state, TimeSpan? longest, TimeSpan silence, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(node);
        if (IsHeard || IsKept)
        {
            return Since;
        }

        var since = state.Time("status", "lastHeard") is { } last ? Shorter(Since, now - last) : Since;
        if (since <= longest || longest is null)
        {
            return since;
        }

        return !NodeConditions.IsGivenUp(node) ? node.Condition("Ready") is null ? since : Shorter(since, Watched + (silence * 2))
            : node.Condition("Ready").Time("lastTransitionTime") is { } given ? Shorter(since, now - given + (silence * 2))
            : since;
    }

    private static TimeSpan Shorter(TimeSpan one, TimeSpan two) => two < TimeSpan.Zero ? TimeSpan.Zero : one < two ? one : two;
}
