using System.Collections.Frozen;
using Ote.Cluster.Routing;
using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Lateral;

/// <summary>How one end of a lateral link stands in the tree, as it tells the other. Immutable.</summary>
/// <param name="Uplink">Its link to its parent.</param>
/// <param name="Below">Clusters online below it, as far as that is the other's business.</param>
internal sealed record LateralState(Way Uplink, FrozenSet<string> Below)
{
    /// <summary>Clusters one end names at most; who has more below it speaks for itself alone.</summary>
    public const int MostBelow = 1000;

    /// <summary>Nothing was said yet.</summary>
    public static LateralState Unknown { get; } = new(new Way(IsOpen: true, null), FrozenSet<string>.Empty);

    /// <summary>Reads what the peer says; names that are none, and more than may be, are left out.</summary>
    public static LateralState From(LateralNews news) => new(
        new Way(
            news.Attached && !news.Held,
            news.RoundTripMilliseconds == 0 ? null : TimeSpan.FromMilliseconds(news.RoundTripMilliseconds - 1),
            news.BytesPerSecond == 0 ? null : (long)Math.Min(news.BytesPerSecond, long.MaxValue)),
        news.Below.Count > MostBelow ? FrozenSet<string>.Empty : news.Below.Where(n => ClusterName.CheckChild(n) is null).ToFrozenSet(StringComparer.Ordinal));

    /// <summary>As it travels.</summary>
    public LateralNews ToWire()
    {
        var news = new LateralNews
        {
            Attached = Uplink.IsOpen,
            RoundTripMilliseconds = Uplink.RoundTrip is { } trip ? (uint)Math.Clamp(trip.TotalMilliseconds + 1, 1, uint.MaxValue) : 0,
            BytesPerSecond = (ulong)(Uplink.BytesPerSecond ?? 0),
        };
        news.Below.Add(Below.Order(StringComparer.Ordinal));
        return news;
    }

    /// <summary>Whether it is worth telling after what was told: whom it is about and whether the tree leads there at once, a round trip that moved by a fifth.</summary>
    public bool IsNews(LateralState? told) =>
        told is null || told.Uplink.IsOpen != Uplink.IsOpen || told.Uplink.BytesPerSecond != Uplink.BytesPerSecond || told.Uplink.RoundTrip is null != Uplink.RoundTrip is null
        || HasMoved(told.Uplink.RoundTrip ?? default, Uplink.RoundTrip ?? default) || !told.Below.SetEquals(Below);

    private static bool HasMoved(TimeSpan before, TimeSpan now) => (now - before).Duration() > TimeSpan.FromMilliseconds(Math.Max(2, 0.2 * before.TotalMilliseconds));
}
