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

    [Fact]
    public void A_lease_is_taken_over_before_Kubernetes_gives_up_on_it() => Assert.True(EdgeNodeRules.Silence + new EdgeNodeControllerOptions().Interval < TimeSpan.FromSeconds(40));

    private static NodeSigns Signs(int silentFor, bool? ready, string votes) => new(
        TimeSpan.FromSeconds(silentFor), ready, [.. votes.Split(',', StringSplitOptions.RemoveEmptyEntries).Select(vote => new WitnessVote(vote[..1], vote[1] == '+'))]);
}
