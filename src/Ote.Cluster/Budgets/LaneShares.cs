using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Budgets;

/// <summary>
/// Whose turn it is when lanes share a link by weight: always the lane that has had the fewest bytes for its weight, the more urgent one
/// of equals. A lane that had nothing to send gets no credit for that time, or it would shut the others out afterwards. Pure; one owner.
/// </summary>
internal sealed class LaneShares(LaneWeights weights)
{
    private const int Control = 1;

    // Bytes for each unit of weight: the lanes' clocks, and the one that was served last.
    private readonly double[] _served = new double[Lanes.Count];
    private double _clock;
    private int _busy;

    public LaneWeights Weights => weights;

    /// <summary>The lane to send of next; -1 when there is none.</summary>
    /// <param name="ready">Which lanes have something that may be sent: a bit for each index. Control does not share and is left out.</param>
    public int Next(int ready)
    {
        ready &= ~Control;
        var next = -1;
        for (var i = 1; i < Lanes.Count; i++)
        {
            if ((ready & (1 << i)) == 0)
            {
                continue;
            }

            if ((_busy & (1 << i)) == 0)
            {
                _served[i] = Math.Max(_served[i], _clock);
            }

            if (next < 0 || _served[i] < _served[next])
            {
                next = i;
            }
        }

        _busy = ready;
        if (next >= 0)
        {
            _clock = _served[next];
        }

        return next;
    }

    /// <summary>So many bytes of a lane went out.</summary>
    public void Sent(int lane, int bytes) => _served[lane] += (double)bytes / weights.Of(lane);
}
