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
/// its pods as always. The lease is taken over before Kubernetes would mark the node, so that nothing of it has to be put back later; one that is marked already is put back where it is known to live. Pure.
/// </summary>
public static class EdgeNodeRules
{
    /// <summary>A kubelet renews its lease every 10 s, and Kubernetes gives up on it after 40 s by default: two missed renewals.</summary>
    public static readonly TimeSpan Silence = TimeSpan.FromSeconds(22);

    /// <summary>Decides.</summary>
    /// <param name="signs">What is known.</param>
    /// <param name="policy">What the node's owner wants; null: the node is not opted in, and nothing is done for it.</param>
    /// <param name="former">What was decided last, by whichever replica.</param>
    /// <param name="silence">How long a kubelet may be unheard before anything is asked.</param>
    public static EdgeNodeVerdict Decide(NodeSigns signs, AutonomyPolicy? policy, EdgeNodePhase former, TimeSpan silence)
    {
        ArgumentNullException.ThrowIfNull(signs);
        if (signs.SinceHeard <= silence)
        {
            return Heard(signs);
        }

        // One whose lease is old by a clock that may be wrong can be kept at once, which does no harm to one that lives. It is not said to be dead before it was watched in vain.
        var isSure = signs.Watched > silence;
        if (policy is null)
        {
            return isSure ? new(EdgeNodePhase.Unknown, false, "NotHeard", "the kubelet is not heard; the node is not opted in to autonomy, so Kubernetes decides") : signs.IsReady is null ? Heard(signs) : Watched();
        }

        return isSure && signs.SinceHeard > policy.Duration ? new(EdgeNodePhase.Lost, false, "TooLong", $"the kubelet is not heard for longer than the {NodeReading.Written(policy.Duration)} it may be on its own")
            : signs.SinceHeard <= policy.Duration && Kept(signs, policy, former) is { } kept ? kept
            : isSure || former == EdgeNodePhase.Lost ? Dead(signs, former)
            : Watched();
    }

    private static EdgeNodeVerdict Watched() => new(EdgeNodePhase.Unknown, false, "Watched", "the kubelet's lease is old; whether it is renewed is being watched");

    private static EdgeNodeVerdict Heard(NodeSigns signs) => signs switch
    {
        { IsReady: true } => new(EdgeNodePhase.Ready, false, "Heard", "the kubelet is heard and ready"),
        { IsReady: false } => new(EdgeNodePhase.NotReady, false, "KubeletNotReady", "the kubelet is heard and says that it is not ready"),
        { IsGivenUp: true } => new(EdgeNodePhase.Unknown, false, "GivenUp", "Kubernetes has given the node up, and the kubelet has not said since whether it is ready"),
        _ => new(EdgeNodePhase.Unknown, false, "NothingSaid", "the kubelet has not said yet whether it is ready"),
    };

    private static EdgeNodeVerdict? Kept(NodeSigns signs, AutonomyPolicy policy, EdgeNodePhase former)
    {
        var seeing = signs.Votes.Where(vote => vote.Sees).Select(vote => vote.Node).ToArray();
        return seeing.Length > 0
            ? new(EdgeNodePhase.Autonomous, true, "SeenAtItsSite", $"the kubelet is not heard here, but {string.Join(", ", seeing)} of its site reaches it: it is cut off, and its pods are left alone")
            : signs.Votes.Count == 0 && policy.KeepsUnwitnessed && !MayBeDeadSince(signs, former)
            ? new(EdgeNodePhase.Autonomous, true, "Unwitnessed", "the kubelet is not heard, and no other node of its site can say anything of it: it is taken for cut off, and its pods are left alone")
            : null;
    }

    /// <summary>
    /// Whether it takes a witness's word to bring it to life: it was taken for dead, and that its witnesses cannot be heard either now makes nobody alive again; or Kubernetes gave it up while nobody here knew that it lived.
    /// </summary>
    private static bool MayBeDeadSince(NodeSigns signs, EdgeNodePhase former) =>
        former == EdgeNodePhase.Lost || (signs.IsGivenUp && former != EdgeNodePhase.Autonomous && !(signs.HasBeenHeard && former is EdgeNodePhase.Ready or EdgeNodePhase.NotReady));

    private static EdgeNodeVerdict Dead(NodeSigns signs, EdgeNodePhase former) =>
        signs.Votes.Any(vote => !vote.Sees) && signs.Votes.All(vote => !vote.Sees)
            ? new(EdgeNodePhase.Lost, false, "SeenByNobody", $"the kubelet is not heard, and {string.Join(", ", signs.Votes.Select(vote => vote.Node))} of its site does not reach it either: it is dead, and its pods move")
        : former == EdgeNodePhase.Lost ? new(EdgeNodePhase.Lost, false, "SeenByNobody", "the kubelet is not heard, and nobody has seen it since it was taken for dead")
        : signs.IsGivenUp ? new(EdgeNodePhase.Lost, false, "GivenUp", "the kubelet is not heard, Kubernetes had given the node up before this controller looked, and no other node of its site can say that it lives")
        : new(EdgeNodePhase.Lost, false, "Unwitnessed", "the kubelet is not heard, no other node of its site can say anything of it, and the node's annotation wants that taken for its death");
}
