using Ote.Cluster.Handling;
using Ote.Cluster.Identity;

namespace Ote.Tests.Cluster.Handling;

public sealed class RolloverDecisionTests
{
    private static readonly DateTimeOffset Now = new(2026, 3, 1, 0, 0, 0, TimeSpan.Zero);

    [Theory]
    [InlineData("None", "start", false, "", "", "Start", "started")]
    [InlineData("None", "finish", false, "", "", "Nothing", "refused: no exchange is under way")]
    [InlineData("Trusting", "start", false, "", "", "Nothing", "refused: an exchange is under way")]
    [InlineData("Trusting", "continue", false, "c2", "c2", "Switch", "continued without c2")]
    [InlineData("Trusting", "finish", true, "c2", "", "Nothing", "refused: the next CA does not issue yet")]
    [InlineData("Trusting", "abort", false, "", "", "Finish", "aborted")]
    [InlineData("Renewing", "finish", false, "", "c1 c2", "Nothing", "refused: certificates of the former CA are still in use: c1, c2")]
    [InlineData("Renewing", "finish", true, "", "c1 c2", "Finish", "finished, leaving behind c1, c2")]
    [InlineData("Renewing", "finish", false, "", "", "Finish", "finished: the former CA")]
    [InlineData("Renewing", "abort", false, "", "", "Switch", "turned round")]
    [InlineData("Renewing", "continue", false, "", "c1 c2", "Nothing", "refused: the exchange is under way in phase Renewing, in which the issuing CA needs nobody's leave; it waits for certificates to be renewed: c1, c2")]
    [InlineData("Finished", "continue", false, "", "", "Nothing", "refused: the exchange is finished")]
    [InlineData("Finished", "start", false, "", "", "Nothing", "refused: the former CA still counts for renewals until 2026-03-01 00:00:00Z")]
    [InlineData("None", "dance", false, "", "", "Nothing", "refused: 'dance'")]
    public void Wish_is_judged(string phase, string wish, bool force, string notTrusting, string notRenewed, string step, string answer)
    {
        var (next, said) = RolloverDecision.Wish(Enum.Parse<RolloverPhase>(phase), wish, force, new RolloverProgress(3, Names(notTrusting), Names(notRenewed)), Now);
        Assert.Equal(step, next.ToString());
        Assert.StartsWith(answer, said, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Trusting", "c1", 0, "Nothing")]
    [InlineData("Trusting", "", 0, "Switch")]
    [InlineData("Renewing", "", 0, "Nothing")]
    [InlineData("Finished", "", -1, "Nothing")]
    [InlineData("Finished", "", 0, "Forget")]
    public void Without_a_wish_it_goes_on_once_all_trust_both_and_forgets_after_the_grace(string phase, string notTrusting, int seconds, string step) =>
        Assert.Equal(step, RolloverDecision.Unasked(Enum.Parse<RolloverPhase>(phase), new RolloverProgress(3, Names(notTrusting), []), Now, Now.AddSeconds(seconds)).ToString());

    private static string[] Names(string names) => names.Split(' ', StringSplitOptions.RemoveEmptyEntries);
}
