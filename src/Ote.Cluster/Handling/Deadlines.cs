using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Handling;

/// <summary>
/// Deadlines across machines whose clocks disagree: what travels is the time that is left; each controller makes its own
/// deadline of it, by its own clock, when the message arrives. Pure.
/// </summary>
internal static class Deadlines
{
    private static readonly TimeSpan Longest = TimeSpan.FromDays(3650);

    // An older build sends cancellations without one; a command without one of its own has a day.
    private static readonly TimeSpan OfOldCancellations = TimeSpan.FromHours(24);

    /// <summary>Sets the deadline by this machine's clock.</summary>
    public static void Arrived(Command command, DateTimeOffset now) =>
        command.DeadlineUnixMilliseconds = command.RemainingMilliseconds == 0 ? 0 : At(command.RemainingMilliseconds, now);

    /// <summary>Sets a cancellation's deadline by this machine's clock. It always has one: nobody needs it after its command's.</summary>
    public static void Arrived(CancelCommand cancel, DateTimeOffset now) =>
        cancel.DeadlineUnixMilliseconds = At(cancel.RemainingMilliseconds == 0 ? (ulong)OfOldCancellations.TotalMilliseconds : cancel.RemainingMilliseconds, now);

    /// <summary>The message with the time that is left; the same instance when it has no deadline. At least one millisecond is left.</summary>
    public static Message Outgoing(Message message, DateTimeOffset now)
    {
        if (Of(message) == 0)
        {
            return message;
        }

        var copy = message.Clone();
        if (copy.Command is { } command)
        {
            command.RemainingMilliseconds = Remaining(command.DeadlineUnixMilliseconds, now);
        }
        else
        {
            copy.CancelCommand.RemainingMilliseconds = Remaining(copy.CancelCommand.DeadlineUnixMilliseconds, now);
        }

        return copy;
    }

    /// <summary>The deadline of a command or of its cancellation, Unix milliseconds by this machine's clock; 0 when there is none.</summary>
    public static long Of(Message message) => message.Command?.DeadlineUnixMilliseconds ?? message.CancelCommand?.DeadlineUnixMilliseconds ?? 0;

    /// <summary>What is left until the deadline by this machine's clock; zero when it has passed. Only for a command that has one.</summary>
    public static TimeSpan Left(Command command, DateTimeOffset now) =>
        TimeSpan.FromMilliseconds(Math.Max(0, command.DeadlineUnixMilliseconds - now.ToUnixTimeMilliseconds()));

    /// <summary>Whether the deadline has passed by this machine's clock.</summary>
    public static bool IsOver(Command command, DateTimeOffset now) =>
        command.DeadlineUnixMilliseconds != 0 && command.DeadlineUnixMilliseconds <= now.ToUnixTimeMilliseconds();

    // The least that can be told is as good as over.
    private static long At(ulong remaining, DateTimeOffset now) => now.ToUnixTimeMilliseconds() + (remaining <= 1 ? 0 : (long)Math.Min(remaining, (ulong)Longest.TotalMilliseconds));

    private static ulong Remaining(long deadline, DateTimeOffset now) => (ulong)Math.Max(1, deadline - now.ToUnixTimeMilliseconds());
}
