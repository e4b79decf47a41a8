namespace Ote.Cluster.Budgets;

/// <summary>
/// A token bucket of one second's bytes. It is full at the start; a packet may go while there is any token and takes as many as it has
/// bytes, so a packet larger than the bucket goes too and those after it wait the longer. Immutable; times are milliseconds of one
/// monotonic clock.
/// </summary>
internal readonly record struct RateCount
{
    private const int Thousand = 1000;

    // Whole numbers, so that the time told is the right one to the millisecond.
    private readonly long _spent; // thousandths of bytes of the bucket at the time below; more than all of them after a large packet
    private readonly long _at;

    private RateCount(long spent, long at) => (_spent, _at) = (spent, at);

    /// <summary>Milliseconds until a packet may go; 0 when one may now.</summary>
    public long Wait(long perSecond, long now)
    {
        var over = Spent(perSecond, now) - (perSecond * Thousand);
        return over < 0 ? 0 : (over / perSecond) + 1;
    }

    /// <summary>A packet went out.</summary>
    public RateCount Spend(long perSecond, int bytes, long now) => new(Spent(perSecond, now) + ((long)bytes * Thousand), now);

    // A thousandth of a second brings as many thousandths of bytes as a second brings bytes.
    private long Spent(long perSecond, long now) => (long)Int128.Max(0, _spent - ((Int128)(now - _at) * perSecond));
}
