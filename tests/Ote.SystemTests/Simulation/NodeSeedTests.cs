using System.Globalization;
using System.Text.Json.Nodes;
using Ote.Kube.Objects;

namespace Ote.SystemTests.Simulation;

/// <summary>Three hundred sequences of cuts and restarts of a node with its shipped hub, in virtual time; <c>./ote simulate node --seeds 1000</c> runs a thousand. A seed that fails is shown again by what the message says.</summary>
public sealed class NodeSeedTests
{
    private const int Seeds = 300;
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(15);

    [Fact]
    public async Task NoPodWhoseSpecDidNotChangeIsRestartedOrRecreated_WhateverIsCutAndWhateverRestarts()
    {
        const int batches = 2; // one thread each
        JsonObject[] runs = [.. (await Task.WhenAll(Enumerable.Range(0, batches).Select(batch => SimulateAsync(1 + (batch * Seeds / batches), Seeds / batches)))).SelectMany(runs => runs)];

        string[] failed = [.. runs.Where(run => run["failed"] is not null).Select(run => $"./ote simulate node --seed {run["seed"]}: {run["failed"]}")];
        Assert.True(failed.Length == 0, string.Join('\n', failed));
        Assert.Equal(Enumerable.Range(1, Seeds), runs.Select(run => (int)run["seed"]!).Order());
        // So much happens in them that what holds means something.
        Assert.True(runs.Sum(run => run.Whole("cuts")) > 2 * Seeds && runs.Sum(run => run.Whole("restarts")) > 5 * Seeds && runs.Sum(run => run.Whole("merged")) > 10 * Seeds && runs.Sum(run => run.Whole("conflicts")) > Seeds / 2, "little happened");
    }

    private static async Task<IEnumerable<JsonObject>> SimulateAsync(int seed, int seeds)
    {
        CommandResult told = await CommandLine.RunAsync(
            "dotnet", [Repository.Executable("Ote.Bench"), "seeds", "node", "-o", "json", "--seed", seed.ToString(CultureInfo.InvariantCulture), "--seeds", seeds.ToString(CultureInfo.InvariantCulture)], null, null, Limit, TestContext.Current.CancellationToken);
        string[] lines = told.Out.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.True(lines.Length > 0, $"{told.Command} said nothing: {told.Error}");
        return lines.Select(line => JsonNode.Parse(line)!.AsObject());
    }
}
