using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Tunnel;

/// <summary>How links behave. The parent's figures hold for both ends; it tells them in Welcome.</summary>
public sealed record TunnelOptions
{
    /// <summary>How often each side says that it lives. Default 4.5 s.</summary>
    public TimeSpan Heartbeat { get; init; } = TimeSpan.FromSeconds(4.5);

    /// <summary>Silence after which the link counts as lost. Default 9.5 s: two heartbeats and a margin, within 10 s.</summary>
    public TimeSpan Lease { get; init; } = TimeSpan.FromSeconds(9.5);

    /// <summary>How long an acknowledgement waits for company. Default 10 ms.</summary>
    public TimeSpan AckDelay { get; init; } = TimeSpan.FromMilliseconds(10);

    /// <summary>Time for Hello and Welcome. Default 8 s.</summary>
    public TimeSpan HandshakeTimeout { get; init; } = TimeSpan.FromSeconds(8);

    /// <summary>How long a lost peer's unacknowledged messages are kept for its return. Default 10 min.</summary>
    public TimeSpan Retention { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>Largest packet accepted, in bytes. Default 64 KiB.</summary>
    public int MaxPacketBytes { get; init; } = 64 * 1024;

    /// <summary>Largest whole message sent or accepted, in bytes. Default 8 MiB.</summary>
    public int MaxMessageBytes { get; init; } = 8 * 1024 * 1024;

    /// <summary>Unacknowledged messages per lane. Default 256.</summary>
    public int Window { get; init; } = 256;

    /// <summary>Most links a message may travel; beyond it is dropped and counted. Default 32.</summary>
    public int MaxHops { get; init; } = 32;

    /// <summary>Messages a second one child may bring before its link is read more slowly. Default 5,000; bursts of twice that pass.</summary>
    public int MaxMessagesPerSecond { get; init; } = 5000;

    /// <summary>Messages one lane queues per link, unacknowledged ones included. Default 1,024.</summary>
    public int LaneMessages { get; init; } = 1024;

    /// <summary>Bytes one lane queues per link; one message is always taken. Default 8 MiB.</summary>
    public long LaneBytes { get; init; } = 8 * 1024 * 1024;

    /// <summary>Children one parent accepts; more are asked to come back later. Default 50,000.</summary>
    public int MaxLinks { get; init; } = 50_000;

    /// <summary>TLS handshakes one parent does at once; more wait, and the newest goes first. Default 128.</summary>
    public int MaxHandshakes { get; init; } = 128;

    /// <summary>
    /// Whether messages may travel compressed, which they do where it pays. Default true. Of a link: whether both ends may.
    /// </summary>
    public bool Compress { get; init; } = true;

    /// <summary>Throws unless the figures make sense together; names all that do not.</summary>
    /// <exception cref="ArgumentException">Some figure is out of range.</exception>
    public void Validate()
    {
        List<string> errors = [];
        Range(Heartbeat, TimeSpan.FromMilliseconds(50), TimeSpan.FromMinutes(10), nameof(Heartbeat));
        if (Lease < Heartbeat * 1.5) errors.Add($"{nameof(Lease)} is {Lease}; at least one and a half heartbeats of {Heartbeat} are needed");
        Range(Lease, TimeSpan.FromMilliseconds(100), TimeSpan.FromHours(1), nameof(Lease));
        Range(AckDelay, TimeSpan.Zero, TimeSpan.FromSeconds(1), nameof(AckDelay));
        Range(HandshakeTimeout, TimeSpan.FromMilliseconds(100), TimeSpan.FromMinutes(5), nameof(HandshakeTimeout));
        Range(Retention, TimeSpan.Zero, TimeSpan.FromDays(1), nameof(Retention));
        Number(MaxPacketBytes, Session.PacketBytes, ProtocolLimits.MaxPacketBytes, nameof(MaxPacketBytes));
        Number(MaxMessageBytes, 1024, ProtocolLimits.MaxMessageBytes, nameof(MaxMessageBytes));
        Number(Window, 1, 65_536, nameof(Window));
        Number(MaxHops, 1, 1000, nameof(MaxHops));
        Number(MaxMessagesPerSecond, 1, 10_000_000, nameof(MaxMessagesPerSecond));
        Number(LaneMessages, 1, 1_000_000, nameof(LaneMessages));
        Number(LaneBytes, 1024, 1L << 32, nameof(LaneBytes));
        Number(MaxLinks, 1, 1_000_000, nameof(MaxLinks));
        Number(MaxHandshakes, 1, 100_000, nameof(MaxHandshakes));
        if (errors.Count > 0) throw new ArgumentException("tunnel options: " + string.Join("; ", errors));

        void Range(TimeSpan value, TimeSpan low, TimeSpan high, string name)
        {
            if (value < low || value > high) errors.Add($"{name} is {value}; allowed are {low} to {high}");
        }

        void Number(long value, long low, long high, string name)
        {
            if (value < low || value > high) errors.Add($"{name} is {value}; allowed are {low} to {high}");
        }
    }

    internal Limits ToLimits() => new()
    {
        MaxFrameBytes = (uint)MaxPacketBytes,
        MaxMessageBytes = (uint)MaxMessageBytes,
        MaxHops = (uint)MaxHops,
        MaxMessagesPerSecond = (uint)MaxMessagesPerSecond,
        WindowMessages = (uint)Window,
        HeartbeatMilliseconds = (uint)Heartbeat.TotalMilliseconds,
        LeaseMilliseconds = (uint)Lease.TotalMilliseconds,
    };

    /// <summary>These options with the figures a parent named; what it left out stays. Validated.</summary>
    /// <exception cref="ArgumentException">The parent's figures make no sense.</exception>
    internal TunnelOptions With(Limits? limits)
    {
        if (limits is null) return this;
        TunnelOptions agreed = this with
        {
            MaxPacketBytes = Or(limits.MaxFrameBytes, MaxPacketBytes),
            MaxMessageBytes = Or(limits.MaxMessageBytes, MaxMessageBytes),
            MaxHops = Or(limits.MaxHops, MaxHops),
            Window = Or(limits.WindowMessages, Window),
            Heartbeat = limits.HeartbeatMilliseconds == 0 ? Heartbeat : TimeSpan.FromMilliseconds(limits.HeartbeatMilliseconds),
            Lease = limits.LeaseMilliseconds == 0 ? Lease : TimeSpan.FromMilliseconds(limits.LeaseMilliseconds),
        };
        agreed.Validate();
        return agreed;

        static int Or(uint theirs, int ours) => theirs == 0 ? ours : (int)Math.Min(theirs, int.MaxValue);
    }
}
