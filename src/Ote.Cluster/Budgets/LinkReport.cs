using Wire = Ote.Protocol.Tunnel;

namespace Ote.Cluster.Budgets;

/// <summary>What a cluster tells of its link to its parent: for people, and rarely. Immutable.</summary>
/// <param name="RoundTripMilliseconds">The last measured round trip; -1 when there is none.</param>
/// <param name="BytesToday">Bytes of both directions on that day, by the site's time.</param>
/// <param name="DailyBytes">The daily cap in force; 0: none.</param>
/// <param name="SavedToday">Bytes that compression kept off the link on that day.</param>
/// <param name="IsSpent">Whether the cap is reached, so that only lanes Control and Commands pass.</param>
/// <param name="AsOf">Unix seconds by the site's clock.</param>
public sealed record LinkReport(long RoundTripMilliseconds, long BytesToday, long DailyBytes, long SavedToday, bool IsSpent, long AsOf)
{
    private const double Notable = 0.2;
    private const long NotableBytes = 64 * 1024;
    private const long NotableMilliseconds = 5;
    private static readonly TimeSpan Pause = TimeSpan.FromMinutes(5);

    internal static LinkReport Of(LinkCost cost, DateTimeOffset now) => new(
        cost.RoundTrip is { } trip ? (long)trip.TotalMilliseconds : -1, cost.BytesToday, cost.Budget?.DailyBytes ?? 0, cost.SavedToday, cost.IsSpent, now.ToUnixTimeSeconds());

    /// <summary>
    /// Whether it is worth telling, after what was told before: at once when the cap is another, is reached, or is no longer; otherwise
    /// when something has changed by more than a fifth and by more than a little, at most once in five minutes.
    /// </summary>
    internal bool IsNews(LinkReport? told, TimeSpan since) =>
        told is null || told.IsSpent != IsSpent || told.DailyBytes != DailyBytes
        || (since >= Pause
            && (HasMoved(told.BytesToday, BytesToday, NotableBytes)
                || HasMoved(told.SavedToday, SavedToday, NotableBytes)
                || HasMoved(told.RoundTripMilliseconds, RoundTripMilliseconds, NotableMilliseconds)));

    internal static LinkReport? From(Wire.CostReport? wire) => wire is null ? null : new LinkReport(
        (long)wire.RoundTripMilliseconds - 1, Whole(wire.BytesToday), Whole(wire.DailyBytes), Whole(wire.SavedToday), wire.Spent, Whole(wire.AsOfUnixSeconds));

    internal Wire.CostReport ToWire() => new()
    {
        RoundTripMilliseconds = (uint)Math.Clamp(RoundTripMilliseconds + 1, 0, uint.MaxValue),
        BytesToday = (ulong)BytesToday,
        DailyBytes = (ulong)DailyBytes,
        SavedToday = (ulong)SavedToday,
        Spent = IsSpent,
        AsOfUnixSeconds = (ulong)Math.Max(0, AsOf),
    };

    private static bool HasMoved(long before, long now, long least) => Math.Abs(now - before) > Math.Max(least, Notable * Math.Abs(before));

    // The year 9999 is the last that a time can be written of; no count comes near it.
    private static long Whole(ulong value) => (long)Math.Min(value, 253_402_300_799UL * 1_000_000);
}
