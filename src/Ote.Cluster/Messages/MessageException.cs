namespace Ote.Cluster.Messages;

/// <summary>A message cannot be sent as asked; the text names what is wrong and the way out.</summary>
public sealed class MessageException : Exception
{
    /// <summary>Makes the exception.</summary>
    public MessageException(string message)
        : base(message)
    {
    }
}
