namespace Ote.Controllers.EdgeNodes;

/// <summary>What one node of the site says of another.</summary>
/// <param name="Node">Who says it; its own kubelet is being heard.</param>
/// <param name="Sees">Whether it reaches the other, and the kubelet there lives.</param>
public sealed record WitnessVote(string Node, bool Sees);

/// <summary>How long a node may be on its own, and what to believe when nobody can say anything of it.</summary>
/// <param name="Duration">It is kept from eviction for this long at most.</param>
/// <param name="KeepsUnwitnessed">Whether a node of which nobody can say anything is taken for cut off (true) or for dead.</param>
public sealed record AutonomyPolicy(TimeSpan Duration, bool KeepsUnwitnessed)
{
    /// <summary>The label by which a node, or each node of a pool, is opted in.</summary>
    public const string Label = "ote.baidu.com/autonomy";

    /// <summary>Whether the label's value opts in (true), opts out (false), or says nothing of either (null).</summary>
    public static bool? Says(string? label) => label switch { "enabled" or "true" => true, "disabled" or "false" => false, _ => null };

    /// <summary>The annotation with the longest time, such as <c>12h</c>.</summary>
    public const string DurationAnnotation = "ote.baidu.com/autonomy-duration";

    /// <summary>The annotation that says <c>evict</c> where an unwitnessed node is to be taken for dead.</summary>
    public const string AloneAnnotation = "ote.baidu.com/autonomy-alone";

    /// <summary>A day; and one that nobody can see is taken for cut off, as the only node of a site always is.</summary>
    public static AutonomyPolicy Default { get; } = new(TimeSpan.FromDays(1), true);
}

/// <summary>What is known of a node at a moment.</summary>
/// <param name="SinceHeard">How long its kubelet has not been heard, as far as is known.</param>
/// <param name="IsReady">The kubelet's own last word on it; null: it has said nothing, or Kubernetes has written over it.</param>
/// <param name="Votes">Of witnesses that are themselves heard.</param>
public sealed record NodeSigns(TimeSpan SinceHeard, bool? IsReady, IReadOnlyList<WitnessVote> Votes)
{
    /// <summary>For how long of that it surely was not heard, whatever the clocks of nodes say.</summary>
    public TimeSpan Watched { get; init; } = SinceHeard;

    /// <summary>Whether Kubernetes has given it up already: its pods may have been moved.</summary>
    public bool IsGivenUp { get; init; }

    /// <summary>Whether this controller itself has heard its kubelet.</summary>
    public bool HasBeenHeard { get; init; } = true;
}
