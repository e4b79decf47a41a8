using System.Text.Json.Nodes;

namespace Ote.SystemTests.Up;

/// <summary><c>./ote up --exit</c> as scripts use it.</summary>
public sealed class UpToTheEndTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Up_thatIsToExit_printsOneObjectAsTheLastLineAndSucceeds()
    {
        CommandResult run = await UpRun.ToEndAsync(Ct, "--exit", "-o", "json");

        Assert.True(run.ExitCode == 0, run.Error);
        JsonObject report = UpRun.Report(run);
        Assert.Equal(["clusters", "targets", "succeeded", "seconds"], report.Select(field => field.Key));
        Assert.Equal((7, 4, 4), ((int)report["clusters"]!, (int)report["targets"]!, (int)report["succeeded"]!));
        Assert.InRange((double)report["seconds"]!, 0.01, 180);
        // Standard output is for the program that reads it; what a person sees is on standard error.
        Assert.Single(UpRun.Lines(run.Out));
        Assert.Contains("nginx is fully ready in 4 of 4 clusters", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Up_withATargetThatRefuses_failsAndSaysWhichAndWhy()
    {
        await using UnwillingCluster shop = await UnwillingCluster.StartAsync(403, readable: true, Ct);

        CommandResult run = await UpRun.ToEndAsync(Ct, "--clusters", "1", "--kubeconfig", $"shop={shop.Kubeconfig}", "--exit", "-o", "json");

        Assert.True(run.ExitCode == 1, $"{run.ExitCode}\n{run.Error}");
        JsonObject report = UpRun.Report(run);
        Assert.Equal((5, 2, 1), ((int)report["clusters"]!, (int)report["targets"]!, (int)report["succeeded"]!));
        string failure = Assert.Single(UpRun.Lines(run.Error), line => line.StartsWith("shop: 403", StringComparison.Ordinal));
        Assert.EndsWith("403 not in this shop", failure, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Up_withSixtyClusters_reachesEachThroughTheTree()
    {
        CommandResult run = await UpRun.ToEndAsync(Ct, "--clusters", "60", "--exit", "-o", "json");

        Assert.True(run.ExitCode == 0, run.Error);
        JsonObject report = UpRun.Report(run);
        Assert.Equal((63, 60, 60), ((int)report["clusters"]!, (int)report["targets"]!, (int)report["succeeded"]!));
        Assert.Contains("nginx is fully ready in 60 of 60 clusters", run.Error, StringComparison.Ordinal);
        // What is shown of many is cut short.
        Assert.Contains(" and 20 more", run.Error, StringComparison.Ordinal);
    }
}
