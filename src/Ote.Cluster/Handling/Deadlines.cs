using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Handling;

/// <summary>
/// Deadlines across machines whose clocks disagree: what travels is the time that is left; each controller makes its own
/// deadline of it, by its own clock, when the message arrives. Pure.
/// </summary>
internal static class Deadlines
{
    /// <summary>Sets the deadline by this machine's clock.</summary>
    public static void Arrived(Command command, DateTimeOffset now) =>
        command.DeadlineUnixMilliseconds = command.RemainingMilliseconds == 0
            ? 0
            : now.ToUnixTimeMilliseconds() + (long)Math.Min(command.RemainingMilliseconds, (ulong)TimeSpan.FromDays(3650).TotalMilliseconds);

    /// <summary>The message with the time that is left; the same instance when it has no deadline. At least one millisecond is left.</summary>
    public static Message Outgoing(Message message, DateTimeOffset now)
    {
        if (message.Command is not { DeadlineUnixMilliseconds: > 0 })
        {
            return message;
        }

        var copy = message.Clone();
        copy.Command.RemainingMilliseconds = (ulong)Math.Max(1, copy.Command.DeadlineUnixMilliseconds - now.ToUnixTimeMilliseconds());
        return copy;
    }

    /// <summary>Whether the deadline has passed by this machine's clock.</summary>
    public static bool IsOver(Command command, DateTimeOffset now) =>
        command.DeadlineUnixMilliseconds != 0 && command.DeadlineUnixMilliseconds <= now.ToUnixTimeMilliseconds();
}
