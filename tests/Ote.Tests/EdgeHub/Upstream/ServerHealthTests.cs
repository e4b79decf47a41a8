using Ote.EdgeHub.Upstream;

namespace Ote.Tests.EdgeHub.Upstream;

public sealed class ServerHealthTests
{
    [Fact]
    public void Server_of_which_nothing_is_known_is_up_with_its_first_answer() => Assert.True(ServerHealth.Unknown.Answered().IsUp);

    [Fact]
    [Trait("Defect", "E14")]
    public void Server_that_is_up_is_left_only_after_three_failures_in_a_row()
    {
        var up = ServerHealth.Unknown.Answered();
        Assert.True(up.Failed().Failed().IsUp);
        Assert.True(up.Failed().Failed().Answered().Failed().Failed().IsUp);
        Assert.False(up.Failed().Failed().Failed().IsUp);
    }

    [Fact]
    public void Server_that_was_left_is_asked_again_only_after_two_answers_in_a_row()
    {
        var left = ServerHealth.Refused;
        Assert.False(left.Answered().IsUp);
        Assert.False(left.Answered().Failed().Answered().IsUp);
        Assert.True(left.Answered().Answered().IsUp);
    }
}
