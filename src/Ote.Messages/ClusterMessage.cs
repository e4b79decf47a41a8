namespace Ote.Messages;

/// <summary>A message another cluster's application sent to this cluster.</summary>
/// <param name="Id">32 hexadecimal digits; the same when it is given out a second time.</param>
/// <param name="From">The cluster it comes from. The tree vouches for it: no cluster can send in another's name.</param>
/// <param name="Topic">What it is about.</param>
/// <param name="ContentType">Of the body; empty when the sender gave none.</param>
/// <param name="Body">The content.</param>
/// <param name="Hops">Links it has travelled.</param>
/// <param name="Arrived">When it was kept at this cluster, by its clock.</param>
public sealed record ClusterMessage(string Id, string From, string Topic, string ContentType, ReadOnlyMemory<byte> Body, int Hops, DateTimeOffset Arrived);

/// <summary>How far a message that was sent has come.</summary>
/// <param name="Id">32 hexadecimal digits.</param>
/// <param name="To">The cluster it is for.</param>
/// <param name="State">OnItsWay, Delivered, Expired, NoCluster or Refused.</param>
/// <param name="Text">Where it waits or why it ended; empty when there is nothing to say.</param>
/// <param name="Hops">Links it had travelled by the last word of it.</param>
/// <param name="IsOver">Whether the state is final.</param>
public sealed record MessageFate(string Id, string To, string State, string Text, int Hops, bool IsOver)
{
    /// <summary>Whether it is on its cluster's disk, for the applications there.</summary>
    public bool IsDelivered => State == "Delivered";
}

/// <summary>The controller did not do what it was asked.</summary>
public sealed class MessagesException : Exception
{
    /// <summary>Makes the exception.</summary>
    public MessagesException(string message, Exception? inner = null)
        : base(message, inner)
    {
    }
}
