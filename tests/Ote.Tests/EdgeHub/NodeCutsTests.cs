using System.Globalization;
using System.Text.Json.Nodes;
using Ote.Kube.Objects;
using Ote.Testing.Kubernetes;
using Ote.Testing.NodeCuts;

namespace Ote.Tests.EdgeHub;

/// <summary>A node's hub between cuts and restarts, in virtual time; each seed is another story. It needs a process with one thread.</summary>
public sealed class NodeCutsTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(5);

    [Theory]
    [InlineData(31)]
    [InlineData(94)]
    [InlineData(424)]
    public async Task Nothing_that_must_not_be_is_and_all_becomes_well_again(int seed)
    {
        var run = Assert.Single(await SimulateAsync(seed, 1, Sabotage.None));
        Assert.True(run["failed"] is null, $"./ote simulate node --seed {seed}: {run["failed"]}");
        Assert.True(run.Whole("cuts") > 0 && run.Whole("restarts") > 0, run.ToJsonString());
    }

    [Fact]
    public async Task Same_seed_shows_the_same_run()
    {
        var twice = await Task.WhenAll(SimulateAsync(4711, 1, Sabotage.None), SimulateAsync(4711, 1, Sabotage.None));
        Assert.Equal(Assert.Single(twice[0]).Text("fingerprint"), Assert.Single(twice[1]).Text("fingerprint"));
    }

    [Theory]
    [InlineData(Sabotage.Recreate, "was made by nobody")]
    [InlineData(Sabotage.LoseStatus, "after a merge the status of")]
    [InlineData(Sabotage.Resurrect, "was made by nobody")]
    [InlineData(Sabotage.OverwriteUsers, "the node's label users=")]
    [InlineData(Sabotage.LoseEvents, "was taken, and is nowhere")]
    [InlineData(Sabotage.ForgetPods, "whose spec did not change, is started again")]
    [InlineData(Sabotage.LoseChanges, "the kubelet sees the pod")]
    public async Task What_is_broken_on_purpose_is_noticed(Sabotage sabotage, string noticed)
    {
        // Not every story comes by what is broken: some are told until one does.
        const int Together = 4, Most = 32;
        var told = new List<string>();
        for (var seed = 1; seed < Most && !told.Exists(failed => failed.Contains(noticed, StringComparison.Ordinal)); seed += Together)
        {
            told.AddRange((await SimulateAsync(seed, Together, sabotage)).Select(run => run.Text("failed")?.Split('\n')[0] ?? ""));
        }

        Assert.Contains(told, failed => failed.Contains(noticed, StringComparison.Ordinal));
    }

    private static async Task<IReadOnlyList<JsonObject>> SimulateAsync(int seed, int seeds, Sabotage sabotage)
    {
        string[] arguments =
        [
            Repository.Executable("Ote.Bench"), "seeds", "node", "-o", "json", "--seed", seed.ToString(CultureInfo.InvariantCulture), "--seeds", seeds.ToString(CultureInfo.InvariantCulture), "--sabotage", $"{sabotage}",
        ];
        var told = await CommandLine.RunAsync("dotnet", arguments, null, null, Limit, TestContext.Current.CancellationToken);
        var lines = told.Out.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.True(lines.Length > 0, $"{told.Command} said nothing: {told.Error}");
        return [.. lines.Select(line => JsonNode.Parse(line)!.AsObject())];
    }
}
