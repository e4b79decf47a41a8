using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Lateral;

/// <summary>How one lateral link is. A snapshot.</summary>
/// <param name="Peer">The other cluster.</param>
/// <param name="IsUp">Whether there is a link.</param>
/// <param name="RoundTrip">The smoothed round trip; null: not measured.</param>
/// <param name="Sent">Bytes of packets sent since the process began.</param>
/// <param name="Received">Bytes of packets received since then.</param>
/// <param name="Brought">Messages between clusters that the peer brought since then.</param>
/// <param name="Below">Clusters that the peer says are below it, where it may.</param>
/// <param name="Cause">Why there is no link, for people; empty when there is one, or nothing is known.</param>
public sealed record LateralStatus(string Peer, bool IsUp, TimeSpan? RoundTrip, long Sent, long Received, long Brought, int Below, string Cause)
{
    /// <summary>Bytes of both directions on the last day anything was carried, by the budget's time, over restarts too.</summary>
    public long BytesToday { get; init; }

    private const int MostText = 200;
    private static readonly TimeSpan Pause = TimeSpan.FromMinutes(5);

    internal static LateralReports Report(IReadOnlyList<LateralStatus> all, DateTimeOffset now)
    {
        var reports = new LateralReports();
        reports.Links.Add(all.Select(s => new LateralReport
        {
            Peer = s.Peer,
            Up = s.IsUp,
            RoundTripMilliseconds = s.RoundTrip is { } trip ? (uint)Math.Clamp(trip.TotalMilliseconds + 1, 1, uint.MaxValue) : 0,
            Bytes = (ulong)(s.Sent + s.Received),
            AsOfUnixSeconds = (ulong)Math.Max(0, now.ToUnixTimeSeconds()),
            Text = s.Cause.Length <= MostText ? s.Cause : s.Cause[..MostText],
        }));
        return reports;
    }

    /// <summary>Whether it is worth telling after what was told: at once who has a link and why not, what it carried at most every five minutes.</summary>
    internal static bool IsNews(LateralReports? told, LateralReports now, TimeSpan since) =>
        !(told ?? new LateralReports()).Links.Select(static l => (l.Peer, l.Up, l.Text)).SequenceEqual(now.Links.Select(static l => (l.Peer, l.Up, l.Text)))
        || (told is not null && since >= Pause && !told.Links.Select(static l => (l.RoundTripMilliseconds, l.Bytes)).SequenceEqual(now.Links.Select(static l => (l.RoundTripMilliseconds, l.Bytes))));
}
