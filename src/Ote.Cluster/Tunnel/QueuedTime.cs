using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Tunnel;

/// <summary>
/// What travels as time left was reckoned when its message was queued; a budget, a full link or a cut may keep it there for hours. The sender tells with
/// each sending how long it has been queued, by its own monotonic clock, and the receiver takes that off. Pure.
/// </summary>
internal static class QueuedTime
{
    /// <summary>Shorter waits are not told, in milliseconds: most messages wait for none, and nobody's deadline turns on it.</summary>
    public const long Least = 1000;

    /// <summary>What to tell of a message's wait, in milliseconds; 0 for nothing.</summary>
    /// <param name="queued">When it was queued.</param>
    /// <param name="now">When it is sent.</param>
    public static ulong Of(long queued, long now) => now - queued >= Least ? (ulong)(now - queued) : 0;

    /// <summary>Takes the wait off the time that is left; of time that is over one millisecond is left, as none means no deadline.</summary>
    public static void TakeOff(Message message)
    {
        var waited = message.QueuedMilliseconds;
        if (waited == 0)
        {
            return;
        }

        message.QueuedMilliseconds = 0; // passed on, it is told anew
        switch (message.PayloadCase)
        {
            case Message.PayloadOneofCase.Command:
                message.Command.RemainingMilliseconds = Less(message.Command.RemainingMilliseconds, waited);
                break;
            case Message.PayloadOneofCase.CancelCommand:
                message.CancelCommand.RemainingMilliseconds = Less(message.CancelCommand.RemainingMilliseconds, waited);
                break;
            case Message.PayloadOneofCase.ClusterMessage:
                message.ClusterMessage.RemainingMilliseconds = Less(message.ClusterMessage.RemainingMilliseconds, waited);
                break;
        }
    }

    private static ulong Less(ulong left, ulong waited) => left == 0 ? 0 : left > waited ? left - waited : 1;
}
