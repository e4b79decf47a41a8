using System.Globalization;

namespace Ote.Tests.Fuzz;

/// <summary>
/// <c>OTE_FUZZ_INPUTS</c> and <c>OTE_FUZZ_SEED</c> make a longer or another run; <c>OTE_FUZZ_KEEP=1</c> keeps what it found.
/// </summary>
internal static class FuzzSettings
{
    /// <summary>Feeds a target as the environment says, with a share of the inputs where one of them costs more than others.</summary>
    public static void Run(IFuzzTarget target, string name, int costs = 1)
    {
        FuzzRun run = new(target, new Corpus(name));
        run.Run(Number("OTE_FUZZ_INPUTS", 10_000) / costs, Number("OTE_FUZZ_SEED", 1));
        if (Number("OTE_FUZZ_KEEP", 0) == 1) run.Keep();
        Assert.True(run.Ends > 3, $"{run.Ends} different ends are too few: nothing of the input was looked at");
    }

    private static int Number(string variable, int otherwise) =>
        int.TryParse(Environment.GetEnvironmentVariable(variable), NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number : otherwise;
}
