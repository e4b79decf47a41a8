using Ote.Cluster.Budgets;

namespace Ote.Cluster.Lateral;

/// <summary>What is known of the links with one peer, over all of them since the process began; of today, over restarts too. The owner serialises calls.</summary>
/// <param name="kept">Today's count as an earlier run has kept it.</param>
internal sealed class LateralBooks(DayCount kept)
{
    private long _sent;
    private long _received;
    private long _brought;

    /// <summary>The newest epoch that the peer attached with.</summary>
    public ulong Epoch { get; set; }

    /// <summary>What the links have carried on this day.</summary>
    public DayCount Today { get; private set; } = kept;

    /// <summary>Why there is no link, as far as this end dials; empty when there was one.</summary>
    public string Cause { get; set; } = "";

    /// <summary>A link has ended: what it carried is kept.</summary>
    public void Close(LateralLink link)
    {
        var (cost, today) = link.Conversation.Account();
        (_sent, _received, _brought, Today) = (_sent + cost.Sent, _received + cost.Received, _brought + link.Brought, today);
    }

    /// <summary>Today's count, with what a link has carried that is open.</summary>
    public DayCount Count(LateralLink? link) => link?.Conversation.Account().Today ?? Today;

    /// <summary>How things are.</summary>
    /// <param name="peer">The other cluster.</param>
    /// <param name="link">The link with it; null: none.</param>
    /// <param name="cannot">Why no link can be made at all; empty when one can, as far as this end knows.</param>
    public LateralStatus Status(string peer, LateralLink? link, string cannot)
    {
        var (cost, today) = link?.Conversation.Account() ?? (default, Today);
        var isUp = link is { Link.IsUp: true };
        return new LateralStatus(peer, isUp, isUp ? link!.Link.SmoothRoundTrip : null, _sent + cost.Sent, _received + cost.Received, _brought + (link?.Brought ?? 0), isUp && link!.Allowed.Subtree ? link.Standing.Below.Count : 0, isUp ? "" : Cause.Length > 0 ? Cause : cannot)
        {
            BytesToday = today.Bytes,
        };
    }
}
