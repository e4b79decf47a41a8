using Ote.Cluster.Failover;
using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Tunnel;

/// <summary>
/// Heartbeats and the lease of one link. Any frame renews the lease. Pure; times are milliseconds of one monotonic clock.
/// </summary>
internal struct Liveness
{
    // Three-byte numbers keep a heartbeat small; half an hour until they wrap is far beyond any lease.
    private const uint Wrap = 1 << 21;

    // An unchanged digest is repeated every so many heartbeats, so that drift is found though a heartbeat stays small.
    private const int DigestEvery = 8;

    private readonly long interval;
    private readonly long lease;
    private long nextBeat;
    private long heard;
    private uint peerSent;
    private long peerSentAt;
    private ulong digest;
    private TreePosition position;
    private int sinceDigest;

    /// <param name="interval">Between heartbeats.</param>
    /// <param name="lease">Silence that ends the link.</param>
    /// <param name="phase">0 to 1: where in the interval the first heartbeat falls, so that links that came together do not beat together.</param>
    /// <param name="now">When the link came up.</param>
    public Liveness(long interval, long lease, double phase, long now)
    {
        this.interval = interval;
        this.lease = lease;
        nextBeat = now + (long)(interval * phase);
        heard = now;
        sinceDigest = DigestEvery;
        position = TreePosition.None;
    }

    /// <summary>When to look again at the latest.</summary>
    public readonly long Due => Math.Min(nextBeat, heard + lease);

    public readonly bool IsLost(long now) => now - heard >= lease;

    public readonly bool IsBeatDue(long now) => now >= nextBeat;

    public void Heard(long now) => heard = now;

    /// <summary>The heartbeat to send now.</summary>
    public Heartbeat Beat(long now, in BeatFacts facts)
    {
        nextBeat = now + interval;
        Heartbeat beat = new() { Sent = Stamp(now) };
        if (peerSent != 0)
        {
            beat.Echo = peerSent;
            beat.EchoDelay = (uint)(now - peerSentAt);
            peerSent = 0;
        }

        if (facts.Digest != digest || ++sinceDigest >= DigestEvery)
        {
            beat.Digest = digest = facts.Digest;
            sinceDigest = 0;
        }

        if (facts.Position != position)
        {
            position = facts.Position;
            (beat.RootBeat, beat.Depth) = (position.Beat, position.Depth);
        }

        return beat;
    }

    /// <summary>Takes the peer's heartbeat; the round trip in milliseconds when it echoes one of ours, otherwise -1.</summary>
    public long Heard(Heartbeat beat, long now)
    {
        heard = now;
        peerSent = beat.Sent;
        peerSentAt = now;
        if (beat.Echo is 0 or > Wrap) return -1;
        long trip = ((Stamp(now) - (long)beat.Echo + Wrap) % Wrap) - beat.EchoDelay;
        return trip >= 0 && trip <= lease ? trip : -1;
    }

    private static uint Stamp(long now) => (uint)(now % Wrap) + 1; // 0 means none
}
