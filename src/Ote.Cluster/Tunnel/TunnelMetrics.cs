using System.Diagnostics;
using System.Diagnostics.Metrics;
using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Tunnel;

/// <summary>The tunnel's meters.</summary>
internal sealed class TunnelMetrics : IDisposable
{
    public const string MeterName = "Ote.Cluster.Tunnel";

    private readonly Meter meter;
    private static readonly KeyValuePair<string, object?> In = new("direction", "in");
    private static readonly KeyValuePair<string, object?> Out = new("direction", "out");
    private readonly Counter<long> violations;
    private readonly Counter<long> packets;
    private readonly Counter<long> saved;
    private readonly long[] queued = new long[Lanes.Count];
    private static readonly TagList[] inTags = Tags("in");
    private static readonly TagList[] outTags = Tags("out");

    public TunnelMetrics(IMeterFactory factory)
    {
        meter = factory.Create(MeterName);
        Links = meter.CreateUpDownCounter<long>("ote.tunnel.links", "{link}", "Links that are up, by side.");
        Messages = meter.CreateCounter<long>("ote.tunnel.messages", "{message}", "Messages by direction and lane; resends included.");
        Bytes = meter.CreateCounter<long>("ote.tunnel.message.bytes", "By", "Encoded message bytes by direction and lane; resends included.");
        packets = meter.CreateCounter<long>("ote.tunnel.packet.bytes", "By", "Bytes of packets by direction: all that links carry, before TLS.");
        saved = meter.CreateCounter<long>("ote.tunnel.compression.saved", "By", "Bytes that compression kept off the links, by direction.");
        Acks = meter.CreateCounter<long>("ote.tunnel.acks", "{frame}", "Acknowledgement frames sent.");
        Resends = meter.CreateCounter<long>("ote.tunnel.resends", "{message}", "Messages sent again after a cut.");
        Duplicates = meter.CreateCounter<long>("ote.tunnel.duplicates", "{message}", "Messages received again and not delivered again.");
        Dropped = meter.CreateCounter<long>("ote.tunnel.dropped", "{message}", "Messages received and given up, by reason.");
        violations = meter.CreateCounter<long>("ote.tunnel.violations", "{violation}", "How often a peer broke the protocol, by reason: its link is ended or not made, or what it said is dropped.");
        RoundTrip = meter.CreateHistogram(
            "ote.tunnel.rtt", "s", "Round trip measured by heartbeats.", null, new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.001, 0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5] });
        Reconnects = meter.CreateCounter<long>("ote.tunnel.reconnects", "{attempt}", "Attempts to attach to the parent, after the first.");
        Refusals = meter.CreateCounter<long>("ote.tunnel.refusals", "{refusal}", "Attachments refused, by side and reason.");
        Lost = meter.CreateCounter<long>("ote.tunnel.leases.expired", "{link}", "Links given up because the peer was silent.");
        HandshakesWaiting = meter.CreateUpDownCounter<long>("ote.tunnel.handshakes.waiting", "{connection}", "Children's connections that wait for their TLS handshake.");
        meter.CreateObservableGauge("ote.tunnel.queue", ObserveQueues, "{message}", "Messages queued or unacknowledged, by lane, over all links.");
    }

    public UpDownCounter<long> Links { get; }

    public Counter<long> Messages { get; }

    public Counter<long> Bytes { get; }

    public Counter<long> Acks { get; }

    public Counter<long> Resends { get; }

    public Counter<long> Duplicates { get; }

    public Counter<long> Dropped { get; }

    public Histogram<double> RoundTrip { get; }

    public Counter<long> Reconnects { get; }

    public Counter<long> Refusals { get; }

    public Counter<long> Lost { get; }

    public UpDownCounter<long> HandshakesWaiting { get; }

    /// <summary>A peer broke the protocol, on a link or before it was one.</summary>
    public void Violated(ViolationReason reason) => violations.Add(1, new KeyValuePair<string, object?>("reason", reason.ToString()));

    public void Sent(in SentCounts sent, int packet)
    {
        packets.Add(packet, Out);
        if (sent.Saved > 0) saved.Add(sent.Saved, Out);
        if (sent.Acks > 0) Acks.Add(sent.Acks);
        if (sent.Resends > 0) Resends.Add(sent.Resends);
        if (!Messages.Enabled && !Bytes.Enabled) return;
        for (int i = 0; i < Lanes.Count; i++)
        {
            (int messages, int bytes) = sent.Of(i);
            if (messages == 0) continue;
            Messages.Add(messages, outTags[i]);
            Bytes.Add(bytes, outTags[i]);
        }
    }

    public void Received(int lane, int bytes)
    {
        if (!Messages.Enabled && !Bytes.Enabled) return;
        Messages.Add(1, inTags[lane]);
        Bytes.Add(bytes, inTags[lane]);
    }

    public void ReceivedPacket(int bytes) => packets.Add(bytes, In);

    public void Unpacked(int bytes) => saved.Add(bytes, In);

    public void Queued(int lane, int change) => Interlocked.Add(ref queued[lane], change);

    public void Dispose() => meter.Dispose();

    private static TagList[] Tags(string direction) => [.. Enumerable.Range(0, Lanes.Count).Select(i => new TagList { { "direction", direction }, { "lane", Lanes.Name(i) } })];

    private IEnumerable<Measurement<long>> ObserveQueues()
    {
        for (int i = 0; i < Lanes.Count; i++)
        {
            yield return new Measurement<long>(Interlocked.Read(ref queued[i]), new KeyValuePair<string, object?>("lane", Lanes.Name(i)));
        }
    }
}
