using System.Text.RegularExpressions;

namespace Ote.SystemTests.Launcher;

/// <summary>The launcher explains itself at once: in a clone that was never built, without building it.</summary>
public sealed partial class LauncherHelpTests
{
    private static readonly TimeSpan s_soon = TimeSpan.FromSeconds(30);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("--filter-class", "test", "--help")]
    [InlineData("--filter-class", "test", "--filter-class", "*X*", "-h")]
    [InlineData("./ote publish", "publish", "--help")]
    [InlineData("./ote build", "build", "-h")]
    public async Task Help_needsNothingBut_theLauncher(string says, params string[] arguments)
    {
        using Scratch scratch = new("launcher");
        // What there is to build is left behind: any attempt to build fails.
        (await CommandLine.RunAsync("cp", ["-r", Path.Combine(Repository.Root, "ote"), Path.Combine(Repository.Root, "eng"), scratch.Path], null, null, s_soon, Ct)).Succeeded();

        CommandResult help = await CommandLine.RunAsync("bash", [scratch["ote"], .. arguments], null, null, s_soon, Ct);

        Assert.Equal((0, ""), (help.ExitCode, help.Error));
        Assert.Contains(says, help.Out, StringComparison.Ordinal);
        Assert.False(Directory.Exists(scratch["artifacts"]), "something was built");
    }

    [Fact]
    public async Task Options_thatTestNames_areThoseOfTheTestPrograms()
    {
        CommandResult named = (await CommandLine.RunAsync("bash", [Path.Combine(Repository.Root, "ote"), "test", "--help"], null, null, s_soon, Ct)).Succeeded();
        CommandResult known = (await CommandLine.RunAsync("dotnet", [typeof(LauncherHelpTests).Assembly.Location, "--help"], null, null, s_soon, Ct)).Succeeded();

        string[] passedOn = [.. Option().Matches(named.Out).Select(found => found.Value).Where(option => option != "--help").Distinct()];
        Assert.Contains("--filter-namespace", passedOn);
        Assert.All(passedOn, option => Assert.Contains($" {option}\n", known.Out, StringComparison.Ordinal));
    }

    [GeneratedRegex("--[a-z][a-z-]+")]
    private static partial Regex Option();
}
