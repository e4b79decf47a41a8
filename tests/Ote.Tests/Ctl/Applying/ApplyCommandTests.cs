using System.Text.Json.Nodes;
using Ote.Kube.Objects;

namespace Ote.Tests.Ctl.Applying;

public sealed class ApplyCommandTests
{
    private const string Deployment = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: nginx, resourceVersion: '7'}\nspec: {replicas: 2}\n";

    private const string Two = Deployment + "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n";

    [Fact]
    public async Task Manifest_becomes_a_server_side_apply_command_with_its_namespace_filled_in()
    {
        await using var world = await CtlWorld.StartAsync();
        world.Input = Deployment;
        var result = await world.RunAsync("apply", "-f", "-", "--to", "tier=edge", "--no-wait", "--deadline", "10m", "-o", "json");
        Assert.Equal((0, ""), (result.Code, result.Error));
        var command = JsonNode.Parse(result.Out).Items("items")![0]!.AsObject();
        Assert.Equal("deployment-nginx-bcdfgh", command.Name());
        Assert.Equal("ote-system", command.Namespace());
        Assert.Equal("deployment.apps/nginx", command.Annotation("ote.baidu.com/subject"));
        var spec = command["spec"]!;
        Assert.Equal("tier=edge", spec.Text("clusterSelector"));
        Assert.Equal("PATCH", spec.Text("method"));
        Assert.Equal("/apis/apps/v1/namespaces/default/deployments/nginx?fieldManager=otectl&force=true", spec.Text("url"));
        Assert.Equal("application/apply-patch+yaml", spec.Text("contentType"));
        Assert.Equal(600, spec.Whole("deadlineSeconds"));
        Assert.Equal(
            """{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"nginx","namespace":"default"},"spec":{"replicas":2}}""",
            spec.Text("body"));
    }

    [Fact]
    public async Task Namespace_option_is_about_objects_that_name_none_and_commands_have_one_of_their_own()
    {
        await using var world = await CtlWorld.StartAsync();
        await world.Api.CreateAsync(Kinds.Namespaces, null, new JsonObject { ["metadata"] = new JsonObject { ["name"] = "shop" } }, CtlWorld.Stop);
        world.Input = Deployment;
        var both = await world.RunAsync("apply", "-f", "-", "--to", "*", "--no-wait", "-n", "shop", "-o", "json");
        var command = JsonNode.Parse(both.Out).Items("items")![0]!.AsObject();
        Assert.Equal("ote-system", command.Namespace());
        Assert.Contains("/namespaces/shop/", command.Text("spec", "url"), StringComparison.Ordinal);
        var apart = await world.RunAsync("apply", "-f", "-", "--to", "*", "--no-wait", "--command-namespace", "shop", "-o", "json");
        var other = JsonNode.Parse(apart.Out).Items("items")![0]!.AsObject();
        Assert.Equal("shop", other.Namespace());
        Assert.Contains("/namespaces/default/", other.Text("spec", "url"), StringComparison.Ordinal);
        var missing = await world.RunAsync("apply", "-f", "-", "--to", "*", "--no-wait", "--command-namespace", "nowhere");
        Assert.Equal(1, missing.Code);
        Assert.Contains("create the namespace, or leave --command-namespace out (it is then ote-system)", missing.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Folder_gives_its_manifests_by_name_and_those_below_it_when_asked()
    {
        await using var world = await CtlWorld.StartAsync();
        var folder = Directory.CreateTempSubdirectory("ote-apply-");
        try
        {
            foreach (var (file, name) in ((string, string)[])[("b.yml", "b"), ("a.yaml", "a"), ("c.json", "c"), ("notes.txt", "x"), ("more/d.yaml", "d")])
            {
                var path = Path.Combine(folder.FullName, file);
                Directory.CreateDirectory(Path.GetDirectoryName(path)!);
                await File.WriteAllTextAsync(path, $$$"""{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "{{{name}}}"}}""", CtlWorld.Stop);
            }

            Assert.Equal("a b c", await SubjectsAsync(folder.FullName));
            Assert.Equal("a b c d", await SubjectsAsync(folder.FullName, "-R"));
            Assert.Equal("d", await SubjectsAsync(Path.Combine(folder.FullName, "more")));
            var empty = folder.CreateSubdirectory("empty").FullName;
            var nothing = await world.RunAsync("apply", "-f", empty, "--to", "*", "--no-wait");
            Assert.Equal(
                (2, $"error: {empty}: no file in it ends in .json, .yaml, .yml; name a folder with manifests, or take those below it with --recursive\n"), (nothing.Code, nothing.Error));
        }
        finally
        {
            folder.Delete(recursive: true);
        }

        async Task<string> SubjectsAsync(params string[] arguments)
        {
            var result = await world.RunAsync(["apply", "-f", .. arguments, "--to", "*", "--no-wait", "-o", "json"]);
            Assert.Equal((0, ""), (result.Code, result.Error));
            return string.Join(' ', JsonNode.Parse(result.Out).Items("items")!.Select(item => ((JsonObject)item!).Annotation("ote.baidu.com/subject")!["namespace/".Length..]));
        }
    }

    [Theory]
    [InlineData("!c1", "!c1")]
    [InlineData("tier=edge & ! c1", "!c1")]
    [InlineData("!(c1)", null)]
    [InlineData("!c1x,!c1*,!has(c1),tier!=c1,!!(c1)", null)]
    [InlineData("!gpu", null)]
    [InlineData("!tier", null)]
    public async Task Selector_that_negates_a_clusters_name_as_a_tag_is_warned_of(string selector, string? term)
    {
        await using var world = await CtlWorld.StartAsync();
        await world.AddClusterAsync("c1", "root", tags: ["tier=edge"]);
        await world.AddClusterAsync("tier", "root");
        world.Input = Deployment;
        var result = await world.RunAsync("apply", "-f", "-", "--to", selector, "--no-wait");
        Assert.Equal(0, result.Code);
        Assert.Equal(
            term is null ? "" : "warning: --to: '!c1' leaves out clusters with a tag c1, which none has, and not the cluster c1; to leave that one out write '!(c1)'\n", result.Error);
    }

    [Fact]
    public async Task Documents_run_in_order_and_all_succeeding_is_code_0()
    {
        await using var world = await CtlWorld.StartAsync();
        await using var controller = await PlayedController.StartAsync(world.Api);
        world.Input = Two;
        var run = world.RunAsync("apply", "-f", "-", "--to", "*");
        var first = await controller.NextAsync();
        await controller.SayAsync(first, "Running", "targets=2 accepted=2 sent=1");
        Assert.Single((await world.Api.ListAsync(Kinds.ClusterControllers, null, null, CtlWorld.Stop)).Items);
        await controller.SucceedAsync(first, "c1", "c2");
        var second = await controller.NextAsync();
        Assert.Equal("/api/v1/namespaces/shop?fieldManager=otectl&force=true", second.Text("spec", "url"));
        await controller.SucceedAsync(second, "c1", "c2");
        var result = await run;
        Assert.Equal(
            """
            OBJECT                  COMMAND                   TARGETS   ACCEPTED   SENT   DURABLE   EXECUTED   SUCCEEDED   FAILED   PHASE
            deployment.apps/nginx   deployment-nginx-bcdfgh   2         2          2      2         2          2           0        Succeeded
            namespace/shop          namespace-shop-jklmnp     2         2          2      2         2          2           0        Succeeded

            """,
            result.Out);
        Assert.EndsWith("4 of 4 targets succeeded\n", result.Error, StringComparison.Ordinal);
        Assert.Contains(
            "deployment.apps/nginx: Succeeded, targets 2, accepted 2, sent 2, durable 2, executed 2, succeeded 2, failed 0\n", result.Error, StringComparison.Ordinal);
        Assert.Equal(0, result.Code);
    }

    [Fact]
    public async Task Failing_targets_are_listed_with_their_error_and_make_code_3()
    {
        await using var world = await CtlWorld.StartAsync();
        await using var controller = await PlayedController.StartAsync(world.Api);
        world.Input = Deployment;
        var run = world.RunAsync("apply", "-f", "-", "--to", "*");
        var command = await controller.NextAsync();
        await controller.ResultsAsync(
            command, 0, PlayedController.Item("c3", 422, body: """{"kind":"Status","message":"spec.replicas: Invalid value"}"""));
        await controller.ResultsAsync(command, 1, PlayedController.Item("c1", 200), PlayedController.Item("c2", 0, "Unreachable", "connection refused"));
        await controller.SayAsync(command, "Failed", "targets=3 accepted=3 sent=3 durable=3 executed=2 succeeded=1 failed=2");
        var result = await run;
        Assert.Equal(
            """
            OBJECT                  COMMAND                   TARGETS   ACCEPTED   SENT   DURABLE   EXECUTED   SUCCEEDED   FAILED   PHASE
            deployment.apps/nginx   deployment-nginx-bcdfgh   3         3          3      3         2          1           2        Failed

            FAILED AT   OBJECT                  CODE   ERROR
            c2          deployment.apps/nginx   -      Unreachable: connection refused
            c3          deployment.apps/nginx   422    spec.replicas: Invalid value

            """,
            result.Out);
        Assert.EndsWith(
            "error: 2 of 3 targets did not succeed; otectl command show deployment-nginx-bcdfgh --failed lists them\n", result.Error, StringComparison.Ordinal);
        Assert.Equal(3, result.Code);
    }

    [Fact]
    public async Task Nothing_matched_is_code_4_at_once_and_sends_nothing_more()
    {
        await using var world = await CtlWorld.StartAsync();
        await using var controller = await PlayedController.StartAsync(world.Api);
        world.Input = Two;
        var run = world.RunAsync("apply", "-f", "-", "--to", "tier=moon");
        await controller.SayAsync(await controller.NextAsync(), "Failed", "", "no known cluster matches 'tier=moon'; compare with the names and tags of get clusters -o wide");
        var result = await run;
        Assert.Equal(4, result.Code);
        Assert.EndsWith("error: no known cluster matches 'tier=moon'; compare with the names and tags of get clusters -o wide\n", result.Error, StringComparison.Ordinal);
        Assert.Single((await world.Api.ListAsync(Kinds.ClusterControllers, null, null, CtlWorld.Stop)).Items);
    }

    [Fact]
    public async Task Running_out_of_time_is_code_5_and_says_what_goes_on()
    {
        await using var world = await CtlWorld.StartAsync();
        await using var controller = await PlayedController.StartAsync(world.Api);
        world.Input = Two;
        var run = world.RunAsync("apply", "-f", "-", "--to", "*", "--timeout", "30s");
        var command = await controller.NextAsync();
        await controller.SayAsync(command, "Running", "targets=2 accepted=2 sent=2 succeeded=1", away: "1 target has not answered; away: c2 (revoked)");
        await world.Progress.WhenSays("deployment.apps/nginx: 1 target has not answered; away: c2 (revoked)");
        world.Time.Advance(TimeSpan.FromSeconds(31));
        var result = await run;
        Assert.Equal(5, result.Code);
        Assert.Contains("after 30s, 1 further object was not sent; 1 target has not answered; away: c2 (revoked); it goes on: otectl command show", result.Error, StringComparison.Ordinal);
        Assert.Contains("Waiting", result.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_command_nobody_takes_says_so_when_the_time_is_up()
    {
        await using var world = await CtlWorld.StartAsync();
        await using var controller = await PlayedController.StartAsync(world.Api);
        world.Input = Deployment;
        var run = world.RunAsync("apply", "-f", "-", "--to", "*", "--timeout", "30s");
        await controller.NextAsync();
        await world.Progress.WhenSays("Pending");
        world.Time.Advance(TimeSpan.FromSeconds(31));
        var result = await run;
        Assert.Equal(5, result.Code);
        Assert.Contains("no controller has taken command deployment-nginx-bcdfgh within 30s; check that the cluster-controller", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_watch_that_breaks_is_taken_up_again()
    {
        await using var world = await CtlWorld.StartAsync();
        await using var controller = await PlayedController.StartAsync(world.Api);
        var broken = new TaskCompletionSource();
        world.Between = inner => new BreaksFirstWatch(inner, broken);
        world.Input = Deployment;
        var run = world.RunAsync("apply", "-f", "-", "--to", "*");
        var command = await controller.NextAsync();
        await controller.SucceedAsync(command, "c1");
        while (!run.IsCompleted)
        {
            // Virtual time must not outrun the work it sets off: a step takes a real millisecond.
            world.Time.Advance(TimeSpan.FromMilliseconds(20));
            await Task.WhenAny(run, Task.Delay(TimeSpan.FromMilliseconds(1), TimeProvider.System, CancellationToken.None));
        }

        Assert.Equal(0, (await run).Code);
    }

    [Fact]
    public async Task An_api_that_cannot_be_reached_is_code_6()
    {
        await using var world = await CtlWorld.StartAsync();
        world.Between = _ => new Unreachable();
        world.Input = Deployment;
        var result = await world.RunAsync("apply", "-f", "-", "--to", "*");
        Assert.Equal(
            (6, "error: cannot reach the control API at https://control.test/: Connection refused; check that it runs and that --kubeconfig and --context name it\n"),
            (result.Code, result.Error));
    }

    [Fact]
    public async Task An_api_that_never_answers_is_code_6_after_half_a_minute()
    {
        await using var world = await CtlWorld.StartAsync();
        using var silent = new Silent();
        world.Between = _ => silent;
        var run = world.RunAsync("get", "clusters");
        await silent.Asked.Task;
        world.Time.Advance(TimeSpan.FromSeconds(31));
        var result = await run;
        Assert.Equal(6, result.Code);
        Assert.Contains("it did not answer within 30s", result.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("kind: Pod\nmetadata: {name: x}", "standard input, object 1: apiVersion is missing")]
    [InlineData("apiVersion: v1\nkind: Pod\nmetadata: {generateName: x}", "Pod has no metadata.name")]
    [InlineData("a: [", "standard input: not valid YAML at line")]
    [InlineData("", "no object in it")]
    [InlineData("apiVersion: example.com/v1\nkind: Widget\nmetadata: {name: x}", "name its plural with --resource widgets.example.com")]
    public async Task Wrong_manifests_are_code_2_and_send_nothing(string manifest, string expected)
    {
        await using var world = await CtlWorld.StartAsync();
        world.Input = manifest;
        var result = await world.RunAsync("apply", "-f", "-", "--to", "*");
        Assert.Equal(2, result.Code);
        Assert.Contains(expected, result.Error, StringComparison.Ordinal);
        Assert.Single(result.Error.TrimEnd('\n').Split('\n'));
        Assert.Empty((await world.Api.ListAsync(Kinds.ClusterControllers, null, null, CtlWorld.Stop)).Items);
    }

    [Fact]
    public async Task A_kind_only_the_clusters_know_goes_by_its_hint()
    {
        await using var world = await CtlWorld.StartAsync();
        world.Input = "apiVersion: example.com/v1\nkind: Widget\nmetadata: {name: x, namespace: shop}\n";
        var result = await world.RunAsync("apply", "-f", "-", "--to", "*", "--no-wait", "--resource", "widgets.example.com", "-o", "json");
        Assert.StartsWith(
            "/apis/example.com/v1/namespaces/shop/widgets/x?", JsonNode.Parse(result.Out).Items("items")![0].Text("spec", "url"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_empty_selector_is_code_2()
    {
        await using var world = await CtlWorld.StartAsync();
        var result = await world.RunAsync("apply", "-f", "-", "--to", " ");
        Assert.Equal(2, result.Code);
        Assert.Contains("'*' for every cluster", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_terminal_gets_a_live_table_that_is_gone_at_the_end()
    {
        await using var world = await CtlWorld.StartAsync();
        await using var controller = await PlayedController.StartAsync(world.Api);
        world.IsTerminal = true;
        world.Input = Deployment;
        var run = world.RunAsync("apply", "-f", "-", "--to", "*");
        await controller.SucceedAsync(await controller.NextAsync(), "c1");
        var result = await run;
        Assert.Contains("DURABLE", result.Error, StringComparison.Ordinal);
        Assert.Contains("\e[", result.Error, StringComparison.Ordinal);
        Assert.Contains("\e[32mSucceeded\e[0m", result.Out, StringComparison.Ordinal);
        Assert.Equal(0, result.Code);
    }

    private sealed class Unreachable : HttpMessageHandler
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
            throw new HttpRequestException("Connection refused");
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

    private sealed class BreaksFirstWatch(HttpMessageHandler inner, TaskCompletionSource broken) : DelegatingHandler(inner)
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
            request.RequestUri!.Query.Contains("watch=true", StringComparison.Ordinal) && broken.TrySetResult()
                ? throw new HttpRequestException("the connection was reset")
                : base.SendAsync(request, cancellationToken);
    }
}
