namespace Ote.Protocol.Tunnel;

#pragma warning disable CA1710 // Named after what happened, as the design has it; the suffix would say nothing more.
/// <summary>A peer sent what the protocol does not allow. Ends that peer's link and nothing else.</summary>
public sealed class ProtocolViolation : Exception
#pragma warning restore CA1710
{
    /// <summary>Names the rule that was broken.</summary>
    /// <param name="reason">The rule.</param>
    /// <param name="detail">What was seen and what was allowed.</param>
    /// <param name="cause">The parser's own error, when there is one.</param>
    public ProtocolViolation(ViolationReason reason, string detail, Exception? cause = null)
        : base($"{reason}: {detail}", cause) => Reason = reason;

    /// <summary>The rule that was broken.</summary>
    public ViolationReason Reason { get; }
}
