using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Ote.Cluster.Budgets;

/// <summary>
/// What the link between a site and its parent may carry. Both ends hold to it. Lane Control, heartbeats and acknowledgements count, and
/// are never held back; whatever else is held back waits in its lane's queue, which is bounded as ever. Immutable; equal by
/// <see cref="ToString"/>.
/// </summary>
public sealed record LinkBudget
{
    /// <summary>The smallest rate, in bytes a second: below it heartbeats alone would take the link.</summary>
    public const long LeastBytesPerSecond = 128;

    /// <summary>The largest rate, in bytes a second.</summary>
    public const long MostBytesPerSecond = 1L << 40;

    /// <summary>The smallest daily cap, in bytes: an idle link alone takes about this much a day.</summary>
    public const long LeastDailyBytes = 1L << 20;

    /// <summary>The largest daily cap, in bytes.</summary>
    public const long MostDailyBytes = 1L << 50;

    /// <summary>Most parts of a day that may be quiet.</summary>
    public const int MostQuietHours = 8;

    /// <summary>Payload bytes a second in each direction, with bursts of one second and at least one packet; null: any number.</summary>
    public long? BytesPerSecond { get; init; }

    /// <summary>
    /// Payload bytes of both directions together, a day by the site's time; then only lanes Control and Commands pass. Null: any number.
    /// </summary>
    public long? DailyBytes { get; init; }

    /// <summary>When only lanes Control and Commands pass.</summary>
    public IReadOnlyList<QuietHours> QuietHours { get; init; } = [];

    /// <summary>The site's time less UTC, in whole minutes from -14 to 14 hours: what days and quiet hours go by.</summary>
    public TimeSpan Offset { get; init; }

    /// <summary>How lanes below Control share the link; null: the more urgent goes first.</summary>
    public LaneWeights? LaneWeights { get; init; }

    /// <summary>Whether it limits nothing.</summary>
    public bool IsEmpty => BytesPerSecond is null && DailyBytes is null && QuietHours.Count == 0 && LaneWeights is null;

    /// <inheritdoc/>
    public bool Equals(LinkBudget? other) => other is not null && ToString() == other.ToString();

    /// <inheritdoc/>
    public override int GetHashCode() => StringComparer.Ordinal.GetHashCode(ToString());

    /// <summary>All of it on one line, the same for equal budgets.</summary>
    public override string ToString()
    {
        var weights = LaneWeights is { } w ? string.Create(CultureInfo.InvariantCulture, $"{w.Commands},{w.Work},{w.Reports},{w.Bulk}") : "";
        return string.Create(
            CultureInfo.InvariantCulture, $"rate={BytesPerSecond} daily={DailyBytes} quiet={string.Join(',', QuietHours)} offset={(int)Offset.TotalMinutes} weights={weights}");
    }

    /// <summary>
    /// A short name for it: the site tells it up with its routes, so whoever holds the operator's wish sees whether it is in force.
    /// 0 for a budget that limits nothing. The same on every machine.
    /// </summary>
    internal ulong Digest() => IsEmpty ? 0 : BinaryPrimitives.ReadUInt64BigEndian(SHA256.HashData(Encoding.UTF8.GetBytes(ToString()))) | 1;

    /// <summary>What is out of range, each with what is allowed.</summary>
    public IEnumerable<string> Faults()
    {
        if (BytesPerSecond is < LeastBytesPerSecond or > MostBytesPerSecond)
        {
            yield return $"{BytesPerSecond} bytes a second; {LeastBytesPerSecond} to {MostBytesPerSecond} are allowed";
        }

        if (DailyBytes is < LeastDailyBytes or > MostDailyBytes)
        {
            yield return $"{DailyBytes} bytes a day; {LeastDailyBytes} to {MostDailyBytes} are allowed";
        }

        if (QuietHours.Count > MostQuietHours || QuietHours.Any(h => !h.IsInRange))
        {
            yield return $"{QuietHours.Count} quiet hours ({string.Join(", ", QuietHours)}); at most {MostQuietHours} are allowed, each between two different times of the day";
        }

        if (Offset.Ticks % TimeSpan.TicksPerMinute != 0 || Offset.Duration() > TimeSpan.FromHours(14))
        {
            yield return $"an offset of {Offset}; whole minutes from -14:00 to +14:00 are allowed";
        }

        if (LaneWeights is { IsInRange: false })
        {
            yield return $"{LaneWeights}; weights are 1 to {Budgets.LaneWeights.Most}";
        }
    }
}
