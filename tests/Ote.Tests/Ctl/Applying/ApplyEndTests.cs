using Ote.Kube.Objects;

namespace Ote.Tests.Ctl.Applying;

/// <summary>How an apply ends when the selector is at fault, or when somebody does not want to wait any longer.</summary>
public sealed class ApplyEndTests
{
    private const string Shop = "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n";

    [Theory]
    [InlineData("tier==edge", "error: --to 'tier==edge', position 5 (from 0): expected a value, found '='\n")]
    [InlineData("(c1", "error: --to '(c1', position 3 (from 0): expected '&' or ',' or ')', but the selector ends here\n")]
    public async Task A_selector_that_is_none_is_told_with_its_position_before_anything_is_read_or_sent(string selector, string expected)
    {
        await using var world = await CtlWorld.StartAsync();
        world.Between = _ => throw new InvalidOperationException("a wrong selector must not connect");
        var result = await world.RunAsync("apply", "-f", "/nowhere.yaml", "--to", selector);
        Assert.Equal((2, expected), (result.Code, result.Error));
    }

    [Fact]
    public async Task Controllers_without_a_cluster_are_named_with_the_way_to_leave_them_out()
    {
        await using var world = await CtlWorld.StartAsync();
        await using var controller = await PlayedController.StartAsync(world.Api);
        world.Input = "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n";
        var run = world.RunAsync("apply", "-f", "-", "--to", "*");
        var command = await controller.NextAsync();
        await controller.ResultsAsync(
            command, 0, PlayedController.Item("c1", 200), PlayedController.Item("root", 0, "NoManagedCluster", "no shim"), PlayedController.Item("north", 0, "NoManagedCluster", "no shim"));
        await controller.SayAsync(command, "Failed", "targets=3 succeeded=1 failed=2");
        var result = await run;
        Assert.Equal(3, result.Code);
        Assert.EndsWith(
            "; north, root manage no cluster (NoManagedCluster): give --to a tag that only those have which manage one (otectl tag sets it)\n", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_policies_do_not_allow_is_explained_and_so_does_show()
    {
        await using var world = await CtlWorld.StartAsync();
        await using var controller = await PlayedController.StartAsync(world.Api);
        world.Input = "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n";
        var run = world.RunAsync("apply", "-f", "-", "--to", "c1");
        var command = await controller.NextAsync();
        await controller.SayAsync(command, "Failed", "", notAllowed: "for none of the 1 clusters it means: no rule lets anna PATCH namespaces; ask who keeps them for one that does");
        var result = await run;
        Assert.Equal(3, result.Code);
        Assert.EndsWith(
            $"error: command {command.Name()} was not sent: NotAllowed: for none of the 1 clusters it means: no rule lets anna PATCH namespaces; "
            + "ask who keeps them for one that does\n",
            result.Error,
            StringComparison.Ordinal);
        var shown = await world.RunAsync("command", "show", command.Name());
        Assert.Contains("Message:   NotAllowed: for none of the 1 clusters it means", shown.Out, StringComparison.Ordinal);
        Assert.Equal("it was sent to no cluster\n", shown.Error);
    }

    [Fact]
    public async Task A_long_selector_is_shown_by_its_beginning()
    {
        await using var world = await CtlWorld.StartAsync();
        var result = await world.RunAsync("apply", "-f", "-", "--to", string.Join(',', Enumerable.Repeat("cluster", 100)) + "=");
        Assert.Contains("cluster,…', position", result.Error, StringComparison.Ordinal);
        Assert.Single(result.Error.TrimEnd('\n').Split('\n'));
    }

    [Theory]
    [InlineData("targets=1 succeeded=1", "error: no cluster was known by the name c9; otectl get clusters shows the names\n")]
    [InlineData(
        "targets=1 failed=1",
        "error: 1 of 1 target did not succeed; otectl command show namespace-shop-bcdfgh --failed lists them; no cluster was known by the name c9; otectl get clusters shows the names\n")]
    public async Task A_name_that_nobody_has_is_in_the_last_line_whatever_became_of_the_others(string counts, string expected)
    {
        await using var world = await CtlWorld.StartAsync();
        await using var controller = await PlayedController.StartAsync(world.Api);
        world.Input = Shop;
        var run = world.RunAsync("apply", "-f", "-", "--to", "c1,c9");
        await controller.SayAsync(await controller.NextAsync(), "Failed", counts, unknown: "no cluster was known by the name c9");
        var result = await run;
        Assert.Equal(3, result.Code);
        Assert.EndsWith(expected, result.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("pend2", "targets=0", "no known cluster matches 'pend2'", null, 4, "error: no cluster got it: pend2 waits to be accepted; otectl accept pend2, then apply again\n")]
    [InlineData("c1,pend2", "targets=1 succeeded=1", null, "no cluster was known by the name pend2", 3, "error: no cluster was known by the name pend2; pend2 waits to be accepted; otectl accept pend2, then apply again\n")]
    [InlineData("c1,c9", "targets=1 succeeded=1", null, "no cluster was known by the name c9", 3, "error: no cluster was known by the name c9; otectl get clusters shows the names\n")]
    public async Task A_name_that_waits_to_be_accepted_is_told_from_one_that_nobody_has(string to, string counts, string? notMatched, string? unknown, int code, string expected)
    {
        await using var world = await CtlWorld.StartAsync();
        await world.AddClusterAsync("c1", null);
        await world.AddClusterAsync("pend2", null, "offline");
        var pending = (await world.Api.GetAsync(Kinds.Clusters, null, "pend2", CtlWorld.Stop))!;
        Conditions.SetCondition(pending.Child("status"), "Accepted", false, "Pending", "waiting for otectl accept pend2", CtlWorld.Start);
        await world.Api.ReplaceStatusAsync(Kinds.Clusters, pending, CtlWorld.Stop);
        await using var controller = await PlayedController.StartAsync(world.Api);
        world.Input = Shop;
        var run = world.RunAsync("apply", "-f", "-", "--to", to);
        await controller.SayAsync(await controller.NextAsync(), "Failed", counts, notMatched, unknown);
        var result = await run;
        Assert.Equal(code, result.Code);
        Assert.EndsWith(expected, result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Ctrl_C_is_code_130_and_what_was_sent_goes_on()
    {
        await using var world = await CtlWorld.StartAsync();
        await using var controller = await PlayedController.StartAsync(world.Api);
        world.Input = Shop;
        var run = world.RunAsync("apply", "-f", "-", "--to", "*");
        var command = await controller.NextAsync();
        await controller.SayAsync(command, "Running", "targets=2 accepted=2");
        await world.Progress.WhenSays("Running");
        await world.Keyboard.CancelAsync();
        var result = await run;
        Assert.Equal(130, result.Code);
        Assert.EndsWith(
            "interrupted; command namespace-shop-bcdfgh goes on: otectl command show namespace-shop-bcdfgh, or command cancel to end it\n", result.Error, StringComparison.Ordinal);
        Assert.NotNull(await world.Api.GetAsync(Kinds.ClusterControllers, "ote-system", command.Name(), CtlWorld.Stop));
    }

    [Fact]
    public async Task Ctrl_C_while_the_api_is_silent_is_code_130_without_a_word()
    {
        await using var world = await CtlWorld.StartAsync();
        using var silent = new Silent();
        world.Between = _ => silent;
        var run = world.RunAsync("get", "clusters");
        await silent.Asked.Task;
        await world.Keyboard.CancelAsync();
        var result = await run;
        Assert.Equal((130, "", ""), (result.Code, result.Out, result.Error));
    }

    private sealed class Silent : HttpMessageHandler
    {
        public TaskCompletionSource Asked { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            Asked.TrySetResult();
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, cancellationToken);
            throw new InvalidOperationException("an endless wait ended");
        }
    }
}
