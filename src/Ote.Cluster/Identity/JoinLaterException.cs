namespace Ote.Cluster.Identity;

/// <summary>A request to join cannot be answered now. The message is for whoever joins, who asks again: nothing in it is secret.</summary>
/// <param name="why">The reason, in one line.</param>
internal sealed class JoinLaterException(string why) : InvalidOperationException(why);
