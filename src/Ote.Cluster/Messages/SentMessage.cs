namespace Ote.Cluster.Messages;

/// <summary>How far a message has come.</summary>
public enum SentState
{
    /// <summary>On its way, or waiting for its target.</summary>
    OnItsWay,

    /// <summary>On the target's disk, for its applications.</summary>
    Delivered,

    /// <summary>Its time was over before it was delivered, or before word of that came.</summary>
    Expired,

    /// <summary>Nobody in the tree has that name.</summary>
    NoCluster,

    /// <summary>The target, or a cluster on the way, had no room for it.</summary>
    Refused,
}

/// <summary>A message this cluster sent.</summary>
/// <param name="Id">32 hexadecimal digits.</param>
/// <param name="To">The target.</param>
/// <param name="Topic">What it is about.</param>
/// <param name="State">How far it has come.</param>
/// <param name="Text">Where it waits or why it ended, for people; empty when there is nothing to say.</param>
/// <param name="Hops">Links it had travelled by the last word of it.</param>
/// <param name="Deadline">When it is worth nothing any more.</param>
/// <param name="Ended">When its state became final; null while it is not.</param>
public sealed record SentMessage(string Id, string To, string Topic, SentState State, string Text, int Hops, DateTimeOffset Deadline, DateTimeOffset? Ended);
