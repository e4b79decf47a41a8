using Wire = Ote.Protocol.Tunnel;

namespace Ote.Cluster.Budgets;

/// <summary>What a link has carried on one day. Immutable.</summary>
/// <param name="Day">Days since 0001-01-01, by the site's time.</param>
/// <param name="Bytes">Payload bytes of both directions.</param>
/// <param name="Saved">Bytes that compression kept off the link.</param>
internal readonly record struct DayCount(int Day, long Bytes, long Saved)
{
    /// <summary>The count on a day: another day begins at nothing.</summary>
    /// <remarks>A clock that is set back over midnight does not begin the day before anew.</remarks>
    public DayCount On(int day) => day == Day || day == Day - 1 ? this : new DayCount(day, 0, 0);

    /// <summary>As a peer counted it; no count is negative, and a day that makes none is another day than today.</summary>
    public static DayCount From(Wire.LinkDay? wire) =>
        wire is null ? default : new DayCount((int)Math.Min(wire.Day, int.MaxValue), (long)Math.Min(wire.Bytes, long.MaxValue / 2), (long)Math.Min(wire.Saved, long.MaxValue / 2));

    public Wire.LinkDay ToWire() => new() { Day = (uint)Day, Bytes = (ulong)Bytes, Saved = (ulong)Saved };

    public DayCount Add(long bytes, long saved) => this with { Bytes = Bytes + bytes, Saved = Saved + saved };
}
