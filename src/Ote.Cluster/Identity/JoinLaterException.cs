namespace Ote.Cluster.Identity;

/// <summary>A request to join cannot be answered now. The message is for whoever joins, who asks again: nothing in it is secret.</summary>
/// <param name="why">The reason, in one line.</param>
/// <param name="leader">Where the same cluster answers, <c>host:port</c>, when another of its replicas does; null: nowhere that is known.</param>
internal sealed class JoinLaterException(string why, string? leader = null) : InvalidOperationException(why)
{
    /// <summary>Where the same cluster answers; null: nowhere that is known.</summary>
    public string? Leader => leader;
}
