using Ote.Cluster.Handling;
using Ote.Protocol.Tunnel;

namespace Ote.Tests.Cluster.Handling;

public sealed class DeadlinesTests
{
    private static readonly DateTimeOffset Now = new(2026, 5, 1, 12, 0, 0, TimeSpan.Zero);

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    [InlineData(-3)]
    [InlineData(-20_000)]
    public void What_is_left_is_the_same_however_far_the_clocks_are_apart(double hours)
    {
        var there = Now.AddHours(hours);
        var sent = Deadlines.Outgoing(Message(Now.AddMinutes(10)), Now);
        Deadlines.Arrived(sent.Command, there);
        Assert.False(Deadlines.IsOver(sent.Command, there.AddMinutes(10).AddMilliseconds(-1)));
        Assert.True(Deadlines.IsOver(sent.Command, there.AddMinutes(10)));
    }

    [Fact]
    public void A_cancellation_carries_the_time_that_is_left_like_its_command()
    {
        var message = new Message { CancelCommand = new CancelCommand { DeadlineUnixMilliseconds = Now.AddMinutes(10).ToUnixTimeMilliseconds() } };
        var sent = Deadlines.Outgoing(message, Now.AddMinutes(4)).CancelCommand;
        Assert.Equal((ulong)TimeSpan.FromMinutes(6).TotalMilliseconds, sent.RemainingMilliseconds);
        Deadlines.Arrived(sent, Now.AddHours(-7));
        Assert.Equal(Now.AddHours(-7).AddMinutes(6).ToUnixTimeMilliseconds(), sent.DeadlineUnixMilliseconds);
    }

    [Fact]
    public void A_cancellation_of_an_older_build_has_a_day()
    {
        CancelCommand cancel = new();
        Deadlines.Arrived(cancel, Now);
        Assert.Equal(Now.AddDays(1).ToUnixTimeMilliseconds(), cancel.DeadlineUnixMilliseconds);
    }

    [Fact]
    public void Time_spent_waiting_at_a_controller_counts()
    {
        var command = Deadlines.Outgoing(Message(Now.AddMinutes(10)), Now).Command;
        Deadlines.Arrived(command, Now.AddHours(5));
        var onwards = Deadlines.Outgoing(new Message { Command = command }, Now.AddHours(5).AddMinutes(4));
        Assert.Equal((ulong)TimeSpan.FromMinutes(6).TotalMilliseconds, onwards.Command.RemainingMilliseconds);
    }

    [Fact]
    public void A_message_on_its_way_is_not_changed_in_place()
    {
        var kept = Message(Now.AddMinutes(10));
        Assert.NotSame(kept, Deadlines.Outgoing(kept, Now));
        Assert.Equal(0UL, kept.Command.RemainingMilliseconds);
    }

    [Fact]
    public void No_deadline_stays_no_deadline()
    {
        var message = Message(null);
        Assert.Same(message, Deadlines.Outgoing(message, Now));
        message.Command.DeadlineUnixMilliseconds = 5; // by the sender's clock: means nothing here
        Deadlines.Arrived(message.Command, Now);
        Assert.False(Deadlines.IsOver(message.Command, DateTimeOffset.MaxValue));
        var cancel = new Message { CancelCommand = new CancelCommand() };
        Assert.Same(cancel, Deadlines.Outgoing(cancel, Now));
    }

    [Fact]
    public void One_that_is_over_arrives_as_over_not_as_without_a_deadline()
    {
        var late = Deadlines.Outgoing(Message(Now), Now.AddDays(1));
        Assert.Equal(1UL, late.Command.RemainingMilliseconds);
        Deadlines.Arrived(late.Command, Now);
        Assert.True(Deadlines.IsOver(late.Command, Now.AddMilliseconds(1)));
    }

    [Fact]
    public void An_absurd_remainder_does_not_overflow()
    {
        Command command = new() { RemainingMilliseconds = ulong.MaxValue };
        Deadlines.Arrived(command, Now);
        Assert.True(command.DeadlineUnixMilliseconds > Now.ToUnixTimeMilliseconds());
    }

    private static Message Message(DateTimeOffset? deadline) => new() { Command = new Command { DeadlineUnixMilliseconds = deadline?.ToUnixTimeMilliseconds() ?? 0 } };
}
