using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Budgets;

/// <summary>How much of a link each lane below Control gets while others want to send too. Each weight is 1 to <see cref="Most"/>.</summary>
/// <param name="Commands">Of lane Commands.</param>
/// <param name="Work">Of lane Work.</param>
/// <param name="Reports">Of lane Reports.</param>
/// <param name="Bulk">Of lane Bulk.</param>
public readonly record struct LaneWeights(int Commands, int Work, int Reports, int Bulk)
{
    /// <summary>The largest weight.</summary>
    public const int Most = 1000;

    /// <summary>The weight of the lane at an index of <see cref="Lanes"/>; lane Control has none and is never weighed.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The index is none of a lane below Control.</exception>
    public int Of(int index) => index switch
    {
        1 => Commands,
        2 => Work,
        3 => Reports,
        4 => Bulk,
        _ => throw new ArgumentOutOfRangeException(nameof(index), index, "only lanes below Control have a weight"),
    };

    internal bool IsInRange => Commands is >= 1 and <= Most && Work is >= 1 and <= Most && Reports is >= 1 and <= Most && Bulk is >= 1 and <= Most;
}
