using Ote.Cluster.Tunnel;
using Ote.Protocol.Tunnel;

namespace Ote.Tests.Cluster.Tunnel;

public sealed class QueuedTimeTests
{
    [Theory]
    [InlineData(0, 10_000UL, 10_000UL)]
    [InlineData(4000, 10_000UL, 6000UL)]
    [InlineData(10_000, 10_000UL, 1UL)] // none would mean no deadline
    [InlineData(long.MaxValue, 10_000UL, 1UL)]
    [InlineData(4000, 0UL, 0UL)]
    public void What_a_message_has_waited_is_taken_off_the_time_that_is_left(long waited, ulong left, ulong after)
    {
        Message[] messages =
        [
            new() { Command = new Command { RemainingMilliseconds = left } },
            new() { CancelCommand = new CancelCommand { RemainingMilliseconds = left } },
            new() { ClusterMessage = new ClusterMessage { RemainingMilliseconds = left } },
        ];
        foreach (var message in messages)
        {
            message.QueuedMilliseconds = (ulong)waited;
            QueuedTime.TakeOff(message);
            Assert.Equal((after, 0UL), (message.Command?.RemainingMilliseconds ?? message.CancelCommand?.RemainingMilliseconds ?? message.ClusterMessage.RemainingMilliseconds, message.QueuedMilliseconds));
        }
    }

    [Theory]
    [InlineData(10, false)]
    [InlineData(200_000, false)] // in parts
    [InlineData(200_000, true)]
    public void Each_sending_tells_how_long_the_message_was_queued_the_resent_one_too(int length, bool packed)
    {
        var pair = new SessionPair();
        pair.Connect();
        pair.Child.Queue(Lane.Work, new string('x', length), packed: packed);
        pair.Now += QueuedTime.Least - 1;
        pair.Settle();
        Assert.Equal(0UL, pair.Parent.LastQueued);

        pair.Child.Queue(Lane.Work, new string('y', length), packed: packed);
        pair.Now += 5000;
        pair.Child.Send();
        pair.Cut();
        pair.Now += 3_600_000;
        pair.Connect();
        pair.Settle();
        Assert.Equal(3_605_000UL, pair.Parent.LastQueued);
        Assert.Equal(2, pair.Parent.Texts(Lane.Work).Count);
    }
}
