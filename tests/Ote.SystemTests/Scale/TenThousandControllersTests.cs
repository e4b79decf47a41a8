using Ote.Kube.Objects;

namespace Ote.SystemTests.Scale;

public sealed class TenThousandControllersTests
{
    private const int Regions = 99;
    private const int LeavesOfRegion = 100;
    private const int MostBytesOfController = 100 * 1024;

    [Fact]
    public async Task TenThousandControllersLiveInOneProcessShareNothingAndEachAnswersACommandOnce()
    {
        var ct = TestContext.Current.CancellationToken;
        var before = GC.GetTotalMemory(true);
        await using var world = await MemoryWorld.StartAsync(ct);
        for (var region = 0; region < Regions; region++)
        {
            await world.AddRegionAsync(region, LeavesOfRegion, ct);
        }

        Assert.Equal(10_000, world.Count);
        await MemoryWorld.KnowsAsync(10_000, ct);
        var status = await world.CommandAsync("tier=edge", ct);
        Assert.Equal(Regions * LeavesOfRegion, status.Whole("targetCounts", "succeeded"));
        Assert.Equal(Regions * LeavesOfRegion, world.Executions);
        Assert.InRange((GC.GetTotalMemory(true) - before) / world.Count, 0, MostBytesOfController);
    }
}
