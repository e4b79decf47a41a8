namespace Ote.Tests.Fuzz;

/// <summary>Whatever a stranger sends ends in an error that the product knows.</summary>
public sealed class FuzzTests
{
    private const int Costly = 20; // signatures are checked

    [Fact]
    public void Packets_on_a_link_end_in_a_known_violation_or_are_read() => FuzzSettings.Run(new PacketTarget(), "packet");

    [Fact]
    public void First_packets_end_in_a_known_violation_a_refusal_or_a_welcome() => FuzzSettings.Run(new HandshakeTarget(), "handshake");

    [Fact]
    public void Routes_that_a_child_tells_leave_a_tree() => FuzzSettings.Run(new RouteTarget(), "routes");

    [Fact]
    public void Requests_answers_and_signed_lists_are_refused_or_true()
    {
        using JoiningTarget target = new();
        FuzzSettings.Run(target, "joining", Costly);
    }
}
