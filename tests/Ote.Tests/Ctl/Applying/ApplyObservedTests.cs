using Ote.Kube.Objects;

namespace Ote.Tests.Ctl.Applying;

/// <summary>The last receipt: what was applied is seen in the clusters' reports.</summary>
public sealed class ApplyObservedTests
{
    private const string Shop = "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n";
    private const string Counts = "targets=2 accepted=2 sent=2 durable=2 executed=2 succeeded=2";

    [Fact]
    public async Task Waiting_for_observed_goes_on_behind_the_end_until_all_were()
    {
        await using var world = await CtlWorld.StartAsync();
        await using var controller = await PlayedController.StartAsync(world.Api);
        world.Input = Shop;
        var run = world.RunAsync("apply", "-f", "-", "--to", "*", "--wait-for", "observed");
        var command = await controller.NextAsync();
        await controller.SayAsync(command, "Succeeded", Counts + " observed=1", observed: (false, "Watching", "at 1 of 2"));
        await world.Progress.WhenSays("observed 1");
        Assert.False(run.IsCompleted);
        await controller.SayAsync(command, "Succeeded", Counts + " observed=2", observed: (true, "AllObserved", "at 2 of 2"));
        var result = await run;
        Assert.Equal(0, result.Code);
        Assert.EndsWith("2 of 2 targets succeeded\n", result.Error, StringComparison.Ordinal);
        Assert.Contains("FAILED   OBSERVED   PHASE", result.Out, StringComparison.Ordinal);
        Assert.Contains("0        2          Succeeded", result.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Waiting_as_usual_does_not_wait_for_it()
    {
        await using var world = await CtlWorld.StartAsync();
        await using var controller = await PlayedController.StartAsync(world.Api);
        world.Input = Shop;
        var run = world.RunAsync("apply", "-f", "-", "--to", "*");
        await controller.SayAsync(await controller.NextAsync(), "Succeeded", Counts + " observed=1", observed: (false, "Watching", "at 1 of 2"));
        Assert.Equal(0, (await run).Code);
    }

    [Fact]
    public async Task What_was_not_observed_in_time_is_code_5_and_goes_on()
    {
        await using var world = await CtlWorld.StartAsync();
        await using var controller = await PlayedController.StartAsync(world.Api);
        world.Input = Shop;
        var run = world.RunAsync("apply", "-f", "-", "--to", "*", "--wait-for", "observed", "--timeout", "30s");
        await controller.SayAsync(await controller.NextAsync(), "Succeeded", Counts + " observed=1", observed: (false, "Watching", "at 1 of 2"));
        await world.Progress.WhenSays("observed 1");
        world.Time.Advance(TimeSpan.FromSeconds(30));
        var result = await run;
        Assert.Equal(5, result.Code);
        Assert.EndsWith(
            "error: command namespace-shop-bcdfgh succeeded, and not all of it was observed after 30s: at 1 of 2; otectl command show namespace-shop-bcdfgh tells how it goes on, or give it more time with --timeout\n",
            result.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true, "error: command namespace-shop-bcdfgh succeeded, and not all of it was observed: at 1 of 2\n")]
    [InlineData(false, "error: command namespace-shop-bcdfgh succeeded, and nothing of it can be observed: its controller keeps no mirror")]
    public async Task What_will_not_be_observed_ends_the_wait_with_code_1_and_why(bool told, string expected)
    {
        await using var world = await CtlWorld.StartAsync();
        await using var controller = await PlayedController.StartAsync(world.Api);
        world.Input = Shop;
        var run = world.RunAsync("apply", "-f", "-", "--to", "*", "--wait-for", "observed");
        await controller.SayAsync(await controller.NextAsync(), "Succeeded", Counts, observed: told ? (false, "NotSeen", "at 1 of 2") : null);
        var result = await run;
        Assert.Equal(1, result.Code);
        Assert.Contains(expected, result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_target_that_failed_is_told_as_such_whatever_was_observed()
    {
        await using var world = await CtlWorld.StartAsync();
        await using var controller = await PlayedController.StartAsync(world.Api);
        world.Input = Shop;
        var run = world.RunAsync("apply", "-f", "-", "--to", "*", "--wait-for", "observed");
        await controller.SayAsync(await controller.NextAsync(), "Failed", "targets=2 succeeded=1 failed=1", observed: (true, "AllObserved", "at 1 of 1"));
        Assert.Equal(3, (await run).Code);
    }

    [Fact]
    public async Task Waiting_and_not_waiting_is_a_usage_error()
    {
        await using var world = await CtlWorld.StartAsync();
        world.Between = _ => throw new InvalidOperationException("must not connect");
        var result = await world.RunAsync("apply", "-f", "-", "--to", "*", "--wait-for", "observed", "--no-wait");
        Assert.Equal((2, "error: --no-wait and --wait-for: give one of them\n"), (result.Code, result.Error));
    }

    [Fact]
    public async Task Show_tells_where_it_was_observed_and_what_of_the_others()
    {
        await using var world = await CtlWorld.StartAsync();
        await using var controller = await PlayedController.StartAsync(world.Api);
        world.Input = Shop;
        var run = world.RunAsync("apply", "-f", "-", "--to", "*", "--no-wait");
        var command = await controller.NextAsync();
        await run;
        await controller.TargetsAsync(command, "a", "b");
        await controller.ResultsAsync(command, 0, PlayedController.Item("a", 200), PlayedController.Item("b", 200));
        await controller.ObservedAsync(command, "b");
        await controller.SayAsync(command, "Succeeded", Counts + " observed=1", observed: (false, "NotSeen", "at 1 of 2"));
        var shown = (await world.RunAsync("command", "show", command.Name())).Out;
        Assert.Contains("executed 2, observed 1, succeeded 2", shown, StringComparison.Ordinal);
        Assert.Contains("Observed:  at 1 of 2\n", shown, StringComparison.Ordinal);
        Assert.Contains("CLUSTER   OUTCOME     CODE   AGE   OBSERVED   ERROR\n", shown, StringComparison.Ordinal);
        Assert.Contains("a         succeeded   200    0s    -          -\n", shown, StringComparison.Ordinal);
        Assert.Contains("b         succeeded   200    0s    0s         -\n", shown, StringComparison.Ordinal);
    }
}
