using System.Globalization;

namespace Ote.Tests.Fuzz;

/// <summary>Whatever a stranger sends ends in an error that the product knows. <c>OTE_FUZZ_INPUTS</c> and <c>OTE_FUZZ_SEED</c> make a longer or another run; <c>OTE_FUZZ_KEEP=1</c> keeps what it found.</summary>
public sealed class FuzzTests
{
    private const int Costly = 20; // signatures are checked

    private static int Inputs => Number("OTE_FUZZ_INPUTS", 10_000);

    private static int Seed => Number("OTE_FUZZ_SEED", 1);

    [Fact]
    public void Packets_on_a_link_end_in_a_known_violation_or_are_read() => Run(new PacketTarget(), "packet");

    [Fact]
    public void First_packets_end_in_a_known_violation_a_refusal_or_a_welcome() => Run(new HandshakeTarget(), "handshake");

    [Fact]
    public void Routes_that_a_child_tells_leave_a_tree() => Run(new RouteTarget(), "routes");

    [Fact]
    public void Requests_answers_and_signed_lists_are_refused_or_true()
    {
        using JoiningTarget target = new();
        Run(target, "joining", Costly);
    }

    private static void Run(IFuzzTarget target, string name, int costs = 1)
    {
        FuzzRun run = new(target, new Corpus(name));
        run.Run(Inputs / costs, Seed);
        if (Number("OTE_FUZZ_KEEP", 0) == 1) run.Keep();
        Assert.True(run.Ends > 3, $"{run.Ends} different ends are too few: nothing of the input was looked at");
    }

    private static int Number(string variable, int otherwise) =>
        int.TryParse(Environment.GetEnvironmentVariable(variable), NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number : otherwise;
}
