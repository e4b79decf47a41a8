using Ote.Cluster.Budgets;
using Ote.Cluster.Tunnel;

namespace Ote.Cluster.Messages;

/// <summary>
/// What a sender is told of a message that waits in the queue of a link because of the link's budget: the cause and the latest end, once for each
/// message, and again only when it lasts longer than was told. One look at each link for all the messages of a round; one owner, for one round.
/// </summary>
/// <param name="self">The own cluster's name.</param>
/// <param name="now">The time of the round.</param>
internal sealed class HeldBack(string self, DateTimeOffset now)
{
    private readonly Dictionary<ILink, BudgetHold?> _known = new(ReferenceEqualityComparer.Instance);

    /// <summary>What to tell, and the end that is then told; null: nothing is held back, or as much was told before.</summary>
    /// <param name="link">In whose queue it waits.</param>
    /// <param name="step">Where that link leads.</param>
    /// <param name="told">The latest end that was told of this message; the default when nothing was.</param>
    public (string Text, DateTimeOffset Until)? News(ILink link, MessageStep step, DateTimeOffset told)
    {
        if (!_known.TryGetValue(link, out var hold))
        {
            var cost = link.Cost;
            _known[link] = hold = BudgetHold.Of(cost.Budget, cost.IsSpent, now);
        }

        return hold is { } holds && (holds.Until ?? DateTimeOffset.MaxValue) is var until && until > told
            ? ($"waits at {self}: {holds.Cause} of {Called(link, step)}, {holds.UntilText}", until)
            : null;
    }

    // A budget is the site's, and the site is the lower end.
    private string Called(ILink link, MessageStep step) => step switch
    {
        MessageStep.Up => $"the link of {self}",
        MessageStep.Across => $"the lateral link with {link.Peer.Name}",
        _ => $"the link of {link.Peer.Name}",
    };
}
