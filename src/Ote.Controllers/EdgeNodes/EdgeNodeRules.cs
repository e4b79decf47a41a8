namespace Ote.Controllers.EdgeNodes;

/// <summary>How a node stands.</summary>
public enum EdgeNodePhase
{
    /// <summary>Not heard, and not decided yet.</summary>
    Unknown = 0,

    /// <summary>Heard, and ready by its own word.</summary>
    Ready = 1,

    /// <summary>Heard, and not ready by its own word.</summary>
    NotReady = 2,

    /// <summary>Cut off: it lives, and is kept from eviction.</summary>
    Autonomous = 3,

    /// <summary>Dead, or cut off for longer than it may be: Kubernetes does as it always does.</summary>
    Lost = 4,
}

/// <summary>What is decided of a node.</summary>
/// <param name="Phase">How it stands.</param>
/// <param name="Keeps">Whether its lease is renewed for it, so that Kubernetes leaves its conditions, taints, endpoints and pods as they are.</param>
/// <param name="Reason">One word.</param>
/// <param name="Message">For people.</param>
public sealed record EdgeNodeVerdict(EdgeNodePhase Phase, bool Keeps, string Reason, string Message);

/// <summary>
/// Tells a partition from a death. A node that is not heard for a while is asked of by the others of its site: what one of them reaches lives, and is kept; what several look for and none reaches is dead, and Kubernetes moves
/// its pods as always. The lease is taken over before Kubernetes would mark the node, so that nothing of it has to be put back later. Pure.
/// </summary>
public static class EdgeNodeRules
{
    /// <summary>A kubelet renews its lease every 10 s, and Kubernetes gives up on it after 40 s by default: two missed renewals.</summary>
    public static readonly TimeSpan Silence = TimeSpan.FromSeconds(22);

    /// <summary>Decides.</summary>
    /// <param name="signs">What is known.</param>
    /// <param name="policy">What the node's owner wants; null: the node is not opted in, and nothing is done for it.</param>
    /// <param name="former">What was decided last.</param>
    /// <param name="silence">How long a kubelet may be unheard before anything is asked.</param>
    public static EdgeNodeVerdict Decide(NodeSigns signs, AutonomyPolicy? policy, EdgeNodePhase former, TimeSpan silence)
    {
        ArgumentNullException.ThrowIfNull(signs);
        if (signs.SinceHeard <= silence)
        {
            return signs.IsReady switch
            {
                true => new(EdgeNodePhase.Ready, false, "Heard", "the kubelet is heard and ready"),
                false => new(EdgeNodePhase.NotReady, false, "KubeletNotReady", "the kubelet is heard and says that it is not ready"),
                null => new(EdgeNodePhase.Unknown, false, "NothingSaid", "the kubelet has not said yet whether it is ready"),
            };
        }

        if (policy is null)
        {
            return new(EdgeNodePhase.Unknown, false, "NotHeard", "the kubelet is not heard; the node is not opted in to autonomy, so Kubernetes decides");
        }

        if (signs.SinceHeard > policy.Duration)
        {
            return new(EdgeNodePhase.Lost, false, "TooLong", $"the kubelet is not heard for longer than the {policy.Duration:c} it may be on its own");
        }

        var seeing = signs.Votes.Where(vote => vote.Sees).Select(vote => vote.Node).ToArray();
        if (seeing.Length > 0)
        {
            return new(EdgeNodePhase.Autonomous, true, "SeenAtItsSite", $"the kubelet is not heard here, but {string.Join(", ", seeing)} of its site reaches it: it is cut off, and its pods are left alone");
        }

        if (signs.Votes.Count > 0)
        {
            return new(EdgeNodePhase.Lost, false, "SeenByNobody", $"the kubelet is not heard, and {string.Join(", ", signs.Votes.Select(vote => vote.Node))} of its site does not reach it either: it is dead, and its pods move");
        }

        if (former == EdgeNodePhase.Lost)
        {
            // Its witnesses cannot be heard either now, which makes nobody alive again.
            return new(EdgeNodePhase.Lost, false, "SeenByNobody", "the kubelet is not heard, and nobody has seen it since it was taken for dead");
        }

        return policy.KeepsUnwitnessed
            ? new(EdgeNodePhase.Autonomous, true, "Unwitnessed", "the kubelet is not heard, and no other node of its site can say anything of it: it is taken for cut off, and its pods are left alone")
            : new(EdgeNodePhase.Lost, false, "Unwitnessed", "the kubelet is not heard, no other node of its site can say anything of it, and the node's annotation wants that taken for its death");
    }
}
