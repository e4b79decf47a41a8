using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Tunnel;

/// <summary>What a child's tunnel is doing.</summary>
public enum EdgeTunnelPhase
{
    /// <summary>Not attached; trying.</summary>
    Connecting,

    /// <summary>Attached.</summary>
    Up,

    /// <summary>The parent said no; trying again later.</summary>
    Refused,

    /// <summary>The parent said no for good; trying again slowly, in case a person changed something.</summary>
    RefusedForGood,

    /// <summary>Stopped.</summary>
    Stopped,
}

/// <summary>A snapshot of a child's tunnel.</summary>
/// <param name="Phase">What it is doing.</param>
/// <param name="Text">For people: the parent's name, or why there is no link.</param>
/// <param name="Refusal">The parent's last refusal, while that is the reason.</param>
/// <param name="Since">When the phase began.</param>
public sealed record EdgeTunnelStatus(EdgeTunnelPhase Phase, string Text, Refuse? Refusal, DateTimeOffset Since);
