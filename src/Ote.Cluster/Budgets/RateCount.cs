namespace Ote.Cluster.Budgets;

/// <summary>
/// A token bucket of one second's bytes. It is full at the start; a packet may go while there is any token and takes as many as it has
/// bytes, so a packet larger than the bucket goes too and those after it wait the longer. Immutable; times are milliseconds of one
/// monotonic clock.
/// </summary>
internal readonly record struct RateCount
{
    private readonly double _spent; // of the bucket's bytes at the time below; more than all of them after a large packet
    private readonly long _at;

    private RateCount(double spent, long at) => (_spent, _at) = (spent, at);

    /// <summary>Milliseconds until a packet may go; 0 when one may now.</summary>
    public long Wait(long perSecond, long now)
    {
        var over = Spent(perSecond, now) - perSecond;
        return over < 0 ? 0 : (long)Math.Floor(over * 1000 / perSecond) + 1;
    }

    /// <summary>A packet went out.</summary>
    public RateCount Spend(long perSecond, int bytes, long now) => new(Spent(perSecond, now) + bytes, now);

    private double Spent(long perSecond, long now) => Math.Max(0, _spent - ((now - _at) * (double)perSecond / 1000));
}
