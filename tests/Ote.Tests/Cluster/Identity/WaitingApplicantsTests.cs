using System.Globalization;
using Ote.Cluster.Identity;
using Ote.Protocol.Tunnel;

namespace Ote.Tests.Cluster.Identity;

public sealed class WaitingApplicantsTests
{
    private readonly WaitingApplicants waiting = new();

    [Fact]
    public void Word_to_wait_is_new_once_and_again_when_it_is_another_or_came_after_another_answer()
    {
        Assert.False(Repeats("c1", "waits for approval"));
        Assert.True(Repeats("c1", "waits for approval"));
        Assert.False(Repeats("c2", "waits for approval"));
        Assert.False(Repeats("c1", "its token is not known yet"));
        Assert.False(Repeats("c1", "", JoinAnswer.Types.Outcome.Refused));
        Assert.False(Repeats("c1", "", JoinAnswer.Types.Outcome.Refused)); // each refusal is told
        Assert.False(Repeats("c1", "its token is not known yet"));
        Assert.True(Repeats("c1", "its token is not known yet"));
    }

    [Fact]
    public void No_more_are_remembered_than_there_is_room_for()
    {
        for (int i = 0; i < WaitingApplicants.Most; i++) Assert.False(Repeats(i.ToString(CultureInfo.InvariantCulture), "wait"));
        Assert.True(Repeats("0", "wait"));
        Assert.False(Repeats("one more", "wait"));
        Assert.False(Repeats("0", "wait"));
    }

    private bool Repeats(string name, string text, JoinAnswer.Types.Outcome outcome = JoinAnswer.Types.Outcome.Pending) =>
        waiting.IsRepeated(new JoinRequest { Name = name, Uid = "u-" + name }, new JoinAnswer { Outcome = outcome, Text = text });
}
