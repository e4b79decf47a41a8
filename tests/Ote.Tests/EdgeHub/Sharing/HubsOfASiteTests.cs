namespace Ote.Tests.EdgeHub.Sharing;

/// <summary>Hubs of one site that read from the first of them what is the same on all nodes.</summary>
public sealed class HubsOfASiteTests : IAsyncLifetime
{
    private const int Before = 50;
    private SiteWorld _world = null!;

    public async ValueTask InitializeAsync()
    {
        _world = await SiteWorld.StartAsync();
        for (var i = 0; i < Before; i++)
        {
            await _world.CreateServiceAsync($"before-{i}");
        }
    }

    public ValueTask DisposeAsync() => _world.DisposeAsync();

    [Fact]
    public async Task What_Services_lead_to_comes_over_the_first_nodes_cable_alone()
    {
        var (first, second) = (await _world.AddAsync("n1"), await _world.AddAsync("n2"));
        await SharesAsync(second, true);
        Assert.True(await first.HearsOfAsync("before-1"));
        Assert.True(await second.HearsOfAsync("before-1"));

        var (atFirst, atSecond) = (first.Cable.BytesDown, second.Cable.BytesDown);
        for (var i = 0; i < Before; i++)
        {
            await _world.CreateServiceAsync($"after-{i}");
        }

        Assert.True(await first.HearsOfAsync($"after-{Before - 1}"));
        Assert.True(await second.HearsOfAsync($"after-{Before - 1}"));
        Assert.InRange(first.Cable.BytesDown - atFirst, Before * 4000, long.MaxValue);
        Assert.InRange(second.Cable.BytesDown - atSecond, 0, Before * 4000 / 4); // the witness's words go there
    }

    [Fact]
    public async Task Who_reads_from_a_hub_that_is_cut_off_reads_from_the_API_server_again_and_misses_nothing()
    {
        var (first, second) = (await _world.AddAsync("n1"), await _world.AddAsync("n2"));
        await SharesAsync(second, true);
        Assert.True(await second.HearsOfAsync("before-1"));

        first.Cable.Cut();
        await _world.CreateServiceAsync("while-cut");
        Assert.True(await second.HearsOfAsync("while-cut"));
        await SharesAsync(second, false);

        first.Cable.Restore();
        await _world.CreateServiceAsync("restored");
        Assert.True(await second.HearsOfAsync("restored"));
    }

    [Fact]
    public async Task Who_reads_from_a_hub_that_has_ended_reads_from_the_API_server_again()
    {
        var (first, second) = (await _world.AddAsync("n1"), await _world.AddAsync("n2"));
        await SharesAsync(second, true);
        Assert.True(await second.HearsOfAsync("before-1"));

        await first.EndAsync();
        await _world.CreateServiceAsync("after-its-end");
        Assert.True(await second.HearsOfAsync("after-its-end"));
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, true)]
    public async Task Nobody_reads_from_a_hub_that_does_not_share_or_that_leads_pods_to_itself(bool shares, bool moves)
    {
        await _world.AddAsync("n1", shares, moves);
        var second = await _world.AddAsync("n2");
        Assert.True(await second.HearsOfAsync("before-1"));
        var third = await _world.AddAsync("n3");
        await SharesAsync(third, true); // n2 is the one it reads from
        await SharesAsync(second, false);
    }

    private static Task SharesAsync(SiteWorld.Node node, bool reads) => HubWorld.UntilAsync(() => Task.FromResult(node.Hub.ReadsFromSite == reads), $"{node.Name} reads from {(reads ? "another hub" : "the API server")}");
}
