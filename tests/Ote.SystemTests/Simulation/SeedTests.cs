using System.Globalization;
using System.Text.Json.Nodes;
using Ote.Kube.Objects;

namespace Ote.SystemTests.Simulation;

/// <summary>Trees of shipped controllers in virtual time, with faults; each seed is another story. A seed that fails is shown again by what the message says.</summary>
public sealed class SeedTests
{
    private const int Seeds = 200;
    private const int Clusters = 40;
    private const int Steps = 10_000;
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(15);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task NothingThatMustNotBeIs_AndAllBecomesWellAgain_WhateverHappens()
    {
        const int batches = 2; // one thread each
        IEnumerable<Task<CommandResult>> running = Enumerable.Range(0, batches).Select(batch =>
            SimulateAsync("--seed", Text(1 + (batch * Seeds / batches)), "--seeds", Text(Seeds / batches), "--clusters", Text(Clusters), "--steps", Text(Steps)));
        JsonObject[] runs = [.. (await Task.WhenAll(running)).SelectMany(Lines)];

        string[] failed = [.. runs.Where(run => run["failed"] is not null).Select(run => $"./ote simulate --seed {run["seed"]} --clusters {Clusters} --steps {Steps} --home: {run["failed"]}")];
        Assert.True(failed.Length == 0, string.Join('\n', failed));
        Assert.Equal(Enumerable.Range(1, Seeds), runs.Select(run => (int)run["seed"]!).Order());
        Assert.All(runs, run => Assert.True(run.Whole("executions") > 0 && run["faults"]!.AsObject().Count > 0, run.ToJsonString()));
    }

    // The stories of seeds change with what is simulated; what these once showed is named, so that whoever sees one fail knows where to look first.
    [Theory]
    [InlineData(34, 40, 10_000, "a cluster that forbade its only parent was stranded")]
    [InlineData(255, 40, 10_000, "a message waited where its target no longer was")]
    [InlineData(16, 40, 10_000, "a command that was cancelled while its end was being written was told twice")]
    [InlineData(227, 40, 10_000, "a command that was cancelled while its end was being written was told twice")]
    [InlineData(76, 40, 10_000, "an unpin that was lost with a controller on its way was not sent again")]
    [InlineData(126, 40, 15_000, "failover")]
    [InlineData(104, 40, 15_000, "failover")]
    [InlineData(246, 40, 15_000, "failover")]
    public async Task NamedSeed_IsWellAgain(int seed, int clusters, int steps, string showedOnce)
    {
        var run = Lines(await SimulateAsync("--seed", Text(seed), "--clusters", Text(clusters), "--steps", Text(steps))).Single();
        Assert.True(run["failed"] is null, $"./ote simulate --seed {seed} --clusters {clusters} --steps {steps} --home, which once showed that {showedOnce}: {run["failed"]}");
    }

    [Fact]
    public async Task SameSeed_ShowsTheSameRun()
    {
        CommandResult[] twice = await Task.WhenAll(One(), One());
        Assert.Equal(Lines(twice[0]).Single().Text("fingerprint"), Lines(twice[1]).Single().Text("fingerprint"));

        static Task<CommandResult> One() => SimulateAsync("--seed", "4711", "--clusters", Text(Clusters), "--steps", Text(Steps));
    }

    [Theory]
    [InlineData("error: --clusters: 'many' is no whole number from 1 to 200000; see ./ote simulate --help", "seeds", "--clusters", "many")]
    [InlineData("error: '--sed' is not known here (did you mean --seed, --seeds?); see ./ote simulate --help", "seeds", "--sed", "1")]
    [InlineData("error: --clusters: '0' is no whole number from 1 to 15000; see ./ote bench join --help", "join", "--clusters", "0")]
    [InlineData("error: 'jion' is not known here; see ./ote bench --help", "jion")]
    public async Task WrongUsage_IsOneLine_AndCode2(string line, params string[] arguments)
    {
        CommandResult told = await CommandLine.RunAsync("dotnet", [Repository.Executable("Ote.Bench"), .. arguments], null, null, Limit, Ct);
        Assert.Equal((2, "", line + "\n"), (told.ExitCode, told.Out, told.Error));
    }

    private static Task<CommandResult> SimulateAsync(params string[] arguments) =>
        CommandLine.RunAsync("dotnet", [Repository.Executable("Ote.Bench"), "seeds", "--home", "-o", "json", .. arguments], null, null, Limit, Ct);

    private static IEnumerable<JsonObject> Lines(CommandResult result)
    {
        string[] lines = result.Out.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.True(lines.Length > 0, $"{result.Command} said nothing: {result.Error}");
        return lines.Select(line => JsonNode.Parse(line)!.AsObject());
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
