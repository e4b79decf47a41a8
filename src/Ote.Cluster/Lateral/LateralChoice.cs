namespace Ote.Cluster.Lateral;

/// <summary>
/// Whether a message goes over a lateral link instead of up. What it costs over the tree is known only in part: the link to the own parent and that
/// of the peer to its own. What lies between is left out, so the tree is never made dearer than it is. Pure.
/// </summary>
internal static class LateralChoice
{
    /// <summary>What each controller on the way adds to the round trips: it writes a message down before it passes it on.</summary>
    public static readonly TimeSpan Hop = TimeSpan.FromMilliseconds(2);

    // Whoever has chosen a way stays with it for a small difference: each change lets later messages overtake earlier ones.
    private const double Better = 0.8;
    private const double Worse = 1.25;

    /// <summary>Decides.</summary>
    /// <param name="lateral">The lateral link.</param>
    /// <param name="tree">The links of the way over the tree that are known.</param>
    /// <param name="bytes">The size of the message.</param>
    /// <param name="isTaken">Whether the last one went over the lateral link.</param>
    public static bool Takes(Way lateral, ReadOnlySpan<Way> tree, int bytes, bool isTaken)
    {
        if (!lateral.IsOpen)
        {
            return false;
        }

        if (!Leads(tree))
        {
            return true;
        }

        var cost = TimeSpan.Zero;
        foreach (var link in tree)
        {
            cost += Cost(link, bytes);
        }

        return lateral.RoundTrip is not null && Cost(lateral, bytes) < cost * (isTaken ? Worse : Better);
    }

    /// <summary>Whether the tree carries messages there now, as far as is known.</summary>
    public static bool Leads(ReadOnlySpan<Way> tree)
    {
        foreach (var link in tree)
        {
            if (!link.IsOpen)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>What a link costs; one that was not measured yet only what is certain.</summary>
    public static TimeSpan Cost(Way way, int bytes) =>
        (way.RoundTrip ?? TimeSpan.Zero) + Hop + (way.BytesPerSecond is { } rate ? TimeSpan.FromSeconds((double)bytes / rate) : TimeSpan.Zero);
}
