using Ote.Controllers.EdgeNodes;

namespace Ote.Tests.Controllers.EdgeNodes;

public sealed class EdgeNodeRulesTests
{
    private static readonly AutonomyPolicy s_policy = new(TimeSpan.FromHours(1), KeepsUnwitnessed: true);

    [Theory]
    [InlineData(5, true, "", "Ready", false)]
    [InlineData(5, false, "", "NotReady", false)] // what a kubelet says of itself is not painted over
    [InlineData(5, null, "", "Unknown", false)]
    [InlineData(5, true, "b-", "Ready", false)] // a kubelet that is heard lives, whatever others reach
    [InlineData(30, true, "b+", "Autonomous", true)]
    [InlineData(30, true, "b-,c+", "Autonomous", true)] // one that reaches it is enough
    [InlineData(30, true, "b-", "Lost", false)]
    [InlineData(30, true, "b-,c-", "Lost", false)]
    [InlineData(30, true, "", "Autonomous", true)] // the only node of a site has no witness
    [InlineData(3601, true, "b+", "Lost", false)] // not for ever
    [Trait("Defect", "N1")]
    public void A_node_is_judged_by_what_is_heard_of_it_and_by_its_site(int silentFor, bool? ready, string votes, string phase, bool keeps)
    {
        var verdict = EdgeNodeRules.Decide(Signs(silentFor, ready, votes), s_policy, EdgeNodePhase.Ready, EdgeNodeRules.Silence);
        Assert.Equal((phase, keeps), ($"{verdict.Phase}", verdict.Keeps));
    }

    [Fact]
    public void A_node_that_is_not_opted_in_is_left_to_Kubernetes() => Assert.False(EdgeNodeRules.Decide(Signs(30, true, "b+"), null, EdgeNodePhase.Ready, EdgeNodeRules.Silence).Keeps);

    [Fact]
    public void An_unwitnessed_node_is_taken_for_dead_where_its_owner_wants_that() =>
        Assert.Equal(EdgeNodePhase.Lost, EdgeNodeRules.Decide(Signs(30, true, ""), s_policy with { KeepsUnwitnessed = false }, EdgeNodePhase.Ready, EdgeNodeRules.Silence).Phase);

    [Fact]
    public void A_node_that_was_taken_for_dead_is_not_alive_again_because_its_witnesses_are_silent()
    {
        Assert.Equal(EdgeNodePhase.Lost, EdgeNodeRules.Decide(Signs(60, true, ""), s_policy, EdgeNodePhase.Lost, EdgeNodeRules.Silence).Phase);
        Assert.Equal(EdgeNodePhase.Autonomous, EdgeNodeRules.Decide(Signs(60, true, "b+"), s_policy, EdgeNodePhase.Lost, EdgeNodeRules.Silence).Phase);
        Assert.Equal(EdgeNodePhase.Ready, EdgeNodeRules.Decide(Signs(1, true, ""), s_policy, EdgeNodePhase.Lost, EdgeNodeRules.Silence).Phase);
    }

    [Theory]
    [InlineData(25, 0, "b+", "Ready", "Autonomous", "SeenAtItsSite")] // no harm to one that lives and whose clock is wrong
    [InlineData(25, 0, "", "Ready", "Autonomous", "Unwitnessed")]
    [InlineData(25, 0, "b-", "Ready", "Unknown", "Watched")] // nor is it said to be dead because its clock is wrong
    [InlineData(25, 23, "b-", "Ready", "Lost", "SeenByNobody")]
    [InlineData(4000, 0, "b+", "Ready", "Unknown", "Watched")]
    [InlineData(4000, 23, "b+", "Ready", "Lost", "TooLong")]
    [InlineData(25, 0, "", "Lost", "Lost", "SeenByNobody")]
    public void A_lease_that_is_old_when_it_is_first_seen_keeps_a_node_at_once_and_condemns_none(int old, int watched, string votes, string former, string phase, string reason)
    {
        var verdict = EdgeNodeRules.Decide(Signs(old, true, votes) with { Watched = TimeSpan.FromSeconds(watched), HasBeenHeard = false }, s_policy, Enum.Parse<EdgeNodePhase>(former), EdgeNodeRules.Silence);
        Assert.Equal((phase, reason), ($"{verdict.Phase}", verdict.Reason));
    }

    [Theory]
    [InlineData("b+", "Unknown", false, "Autonomous")]
    [InlineData("", "Unknown", false, "Lost")]
    [InlineData("", "Ready", false, "Lost")] // it may have died while no controller ran
    [InlineData("", "Unknown", true, "Lost")] // it was not opted in when it fell silent
    [InlineData("", "Ready", true, "Autonomous")] // it was given up between two looks
    [InlineData("", "Autonomous", false, "Autonomous")]
    [InlineData("b-", "Autonomous", false, "Lost")]
    public void A_node_that_Kubernetes_gave_up_while_nobody_knew_of_it_needs_a_witness(string votes, string former, bool heard, string phase)
    {
        var verdict = EdgeNodeRules.Decide(Signs(60, null, votes) with { IsGivenUp = true, HasBeenHeard = heard }, s_policy, Enum.Parse<EdgeNodePhase>(former), EdgeNodeRules.Silence);
        Assert.Equal(phase, $"{verdict.Phase}");
    }

    [Fact]
    public void That_a_kubelet_has_said_nothing_yet_is_said_only_of_one_that_never_did()
    {
        Assert.Equal("NothingSaid", EdgeNodeRules.Decide(Signs(1, null, ""), s_policy, EdgeNodePhase.Unknown, EdgeNodeRules.Silence).Reason);
        Assert.Equal("GivenUp", EdgeNodeRules.Decide(Signs(1, null, "") with { IsGivenUp = true }, s_policy, EdgeNodePhase.Unknown, EdgeNodeRules.Silence).Reason);
        Assert.Equal("Watched", EdgeNodeRules.Decide(Signs(30, true, "") with { Watched = TimeSpan.Zero }, null, EdgeNodePhase.Ready, EdgeNodeRules.Silence).Reason);
    }

    [Fact]
    [Trait("Defect", "N5")]
    public void A_lease_is_taken_over_before_Kubernetes_gives_up_on_it() => Assert.True(EdgeNodeRules.Silence + new EdgeNodeControllerOptions().Interval < TimeSpan.FromSeconds(40));

    private static NodeSigns Signs(int silentFor, bool? ready, string votes) => new(
        TimeSpan.FromSeconds(silentFor), ready, [.. votes.Split(',', StringSplitOptions.RemoveEmptyEntries).Select(vote => new WitnessVote(vote[..1], vote[1] == '+'))]);
}
