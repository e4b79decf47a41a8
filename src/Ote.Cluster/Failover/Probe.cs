using Ote.Cluster.Tunnel;
using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Failover;

/// <summary>How a possible parent stands.</summary>
/// <param name="Parent">Who answered, by its certificate.</param>
/// <param name="Answer">What it said.</param>
/// <param name="RoundTrip">One request and its answer on an open connection.</param>
public readonly record struct Probe(PeerIdentity Parent, ProbeAnswer Answer, TimeSpan RoundTrip);
