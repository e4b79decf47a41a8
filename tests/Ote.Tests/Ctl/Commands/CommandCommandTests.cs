using System.Text.Json.Nodes;
using Ote.Kube.Objects;

namespace Ote.Tests.Ctl.Commands;

public sealed class CommandCommandTests
{
    [Fact]
    public async Task Commands_are_listed_newest_first()
    {
        await using var world = await CtlWorld.StartAsync();
        await using var controller = await PlayedController.StartAsync(world.Api);
        var first = await SubmitAsync(world, controller, "c1");
        await controller.SucceedAsync(first, "c1");
        world.Time.Advance(TimeSpan.FromMinutes(3));
        await SubmitAsync(world, controller, "tier=edge");
        Assert.Equal(
            """
            NAMESPACE    NAME                    SELECTOR    PHASE       TARGETS   SUCCEEDED   FAILED   AGE
            ote-system   namespace-shop-jklmnp   tier=edge   Pending     0         0           0        0s
            ote-system   namespace-shop-bcdfgh   c1          Succeeded   1         1           0        3m

            """,
            (await world.RunAsync("command", "list")).Out);
        Assert.Contains("ote-system   namespace-shop-bcdfgh", (await world.RunAsync("command", "list", "-A", "-n", "default", "-o", "wide")).Out, StringComparison.Ordinal);
        Assert.Equal("no commands in namespace default\n", (await world.RunAsync("command", "list", "-n", "default")).Error);
    }

    [Fact]
    public async Task Show_tells_how_each_target_ended_also_when_its_answer_is_no_text()
    {
        await using var world = await CtlWorld.StartAsync();
        await using var controller = await PlayedController.StartAsync(world.Api);
        var command = await SubmitAsync(world, controller, "tier=edge");
        var binary = PlayedController.Item("binary", 500, body: "/wD+");
        (binary["bodyEncoding"], binary["contentType"]) = ("base64", "image/png");
        var moved = PlayedController.Item("moved", 0, "NotSelected", "its tags do not match");
        moved["outcome"] = "NotSelected";
        var late = PlayedController.Item("late", 0, "Busy", "the shim was busy");
        late["outcome"] = "Expired";
        await controller.ResultsAsync(command, 0, binary, moved, late);
        await controller.SayAsync(command, "Failed", "targets=3 notSelected=1 failed=1 expired=1");
        var shown = (await world.RunAsync("command", "show", command.Name())).Out;
        Assert.Contains("binary    failed         500    0s    an answer that is no text (image/png, base64 in the result page)\n", shown, StringComparison.Ordinal);
        Assert.Contains("moved     not selected   -      0s    NotSelected: its tags do not match\n", shown, StringComparison.Ordinal);
        Assert.Contains("late      expired        -      0s    Busy: the shim was busy\n", shown, StringComparison.Ordinal);
        Assert.Contains("cancelled 0, notSelected 1\n", shown, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Show_lists_first_who_did_not_succeed_and_each_part_by_name()
    {
        await using var world = await CtlWorld.StartAsync();
        await using var controller = await PlayedController.StartAsync(world.Api);
        var command = await SubmitAsync(world, controller, "*");
        await controller.TargetsAsync(command, "b", "a", "d", "c", "e");
        await controller.ResultsAsync(command, 0, PlayedController.Item("d", 200), PlayedController.Item("c", 500), PlayedController.Item("a", 200), PlayedController.Item("b", 0, "Busy"));
        await controller.SayAsync(command, "Running", "targets=5 failed=2 succeeded=2");
        var lines = (await world.RunAsync("command", "show", command.Name())).Out.Split("CLUSTER")[1].TrimEnd().Split('\n').Skip(1);
        Assert.Equal("b c a d e", string.Join(' ', lines.Select(line => line.Split(' ')[0])));
        await controller.SayAsync(command, "Failed", "targets=5 failed=3 succeeded=2");
        lines = (await world.RunAsync("command", "show", command.Name())).Out.Split("CLUSTER")[1].TrimEnd().Split('\n').Skip(1);
        Assert.Equal("b c e a d", string.Join(' ', lines.Select(line => line.Split(' ')[0])));
    }

    [Theory]
    [InlineData("Valid", "InvalidSpec", "spec.url: wrong")]
    [InlineData("NamesKnown", "UnknownNames", "no cluster was known by c9")]
    [InlineData("Complete", "ClustersAway", "1 targets have not answered; away: c1")]
    [InlineData("Complete", "ClustersNotAnswering", "1 target has not answered; the cluster or its shim does not answer at: c1")]
    [InlineData("Complete", "Cancelling", "cancelled where it has not been executed")]
    public async Task Show_says_what_an_operator_should_look_at(string type, string reason, string message)
    {
        await using var world = await CtlWorld.StartAsync();
        await using var controller = await PlayedController.StartAsync(world.Api);
        var command = await SubmitAsync(world, controller, "c1,c9");
        await controller.SayAsync(command, "Running", "targets=1");
        var current = (await world.Api.GetAsync(Kinds.ClusterControllers, command.Namespace(), command.Name(), CtlWorld.Stop))!;
        Conditions.SetCondition(current.Child("status"), type, false, reason, message, CtlWorld.Start);
        await world.Api.ReplaceStatusAsync(Kinds.ClusterControllers, current, CtlWorld.Stop);
        Assert.Contains($"Message:   {message}\n", (await world.RunAsync("command", "show", command.Name())).Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Show_tells_every_reason_to_look_and_not_the_first_alone()
    {
        await using var world = await CtlWorld.StartAsync();
        await using var controller = await PlayedController.StartAsync(world.Api);
        var command = await SubmitAsync(world, controller, "c1,c9");
        await controller.SayAsync(command, "Running", "targets=1", unknown: "no cluster was known by c9", away: "1 target has not answered; away: c1");
        Assert.Contains("Message:   no cluster was known by c9; 1 target has not answered; away: c1\n", (await world.RunAsync("command", "show", command.Name())).Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Show_pages_through_results_and_names_who_is_still_awaited()
    {
        await using var world = await CtlWorld.StartAsync();
        await using var controller = await PlayedController.StartAsync(world.Api);
        var command = await SubmitAsync(world, controller, "*");
        var names = Enumerable.Range(0, 30).Select(i => $"c{i:00}").ToArray();
        await controller.TargetsAsync(command, names);
        for (var page = 0; page < 28; page++)
        {
            await controller.ResultsAsync(command, page, PlayedController.Item(names[page], page == 5 ? 409 : 200, text: page == 5 ? "conflict\e[2J" : ""));
        }

        await controller.SayAsync(command, "Running", "targets=30 accepted=30 sent=28 durable=28 executed=28 succeeded=27 failed=1");
        var shown = (await world.RunAsync("command", "show", command.Name())).Out;
        Assert.StartsWith(
            """
            Name:      ote-system/namespace-shop-bcdfgh
            Subject:   namespace/shop
            Selector:  *
            Request:   PATCH /api/v1/namespaces/shop?fieldManager=otectl&force=true
            Phase:     Running
            Created:   2026-03-01T12:00:00Z (0s ago)
            Receipts:  targets 30, accepted 30, sent 28, durable 28, executed 28, succeeded 27, failed 1, expired 0, cancelled 0

            CLUSTER   OUTCOME     CODE   AGE   ERROR
            c05       failed      409    0s    conflict?[2J
            c00       succeeded   200    0s    -
            """,
            shown,
            StringComparison.Ordinal);
        Assert.Contains("c05       failed      409    0s    conflict?[2J\n", shown, StringComparison.Ordinal);
        Assert.EndsWith("c28       waiting     -      -     -\nc29       waiting     -      -     -\n", shown, StringComparison.Ordinal);
        var failed = (await world.RunAsync("command", "show", command.Name(), "--failed")).Out;
        Assert.DoesNotContain("c00", failed, StringComparison.Ordinal);
        Assert.Contains("c05", failed, StringComparison.Ordinal);
        var objects = JsonNode.Parse((await world.RunAsync("command", "show", command.Name(), "-o", "json", "--body")).Out).Items("items")!;
        Assert.Equal(30, objects.Count);
        Assert.Equal("ClusterController", objects[0].Text("kind"));
    }

    [Fact]
    public async Task Show_of_an_object_gives_the_object_itself_and_takes_the_name_it_prints()
    {
        await using var world = await CtlWorld.StartAsync();
        await using var controller = await PlayedController.StartAsync(world.Api);
        var command = await SubmitAsync(world, controller, "*");
        await controller.ResultsAsync(command, 0, PlayedController.Item("c1", 200));
        var name = (await world.RunAsync("command", "show", command.Name(), "-o", "name")).Out.TrimEnd();
        Assert.Equal($"clustercontroller.ote.baidu.com/{command.Name()}", name);
        var shown = JsonNode.Parse((await world.RunAsync("command", "show", name, "-o", "json")).Out)!.AsObject();
        Assert.Equal(("ClusterController", command.Name()), (shown.Text("kind"), shown.Name()));
        Assert.Contains("\nkind: ClusterController\n", (await world.RunAsync("command", "show", name, "-o", "yaml")).Out, StringComparison.Ordinal);
        Assert.Equal($"command {command.Name()} is being cancelled; targets that executed it already keep their result\n", (await world.RunAsync("command", "cancel", name)).Out);
    }

    [Fact]
    public async Task Show_of_a_target_that_never_answered_has_no_age()
    {
        await using var world = await CtlWorld.StartAsync();
        await using var controller = await PlayedController.StartAsync(world.Api);
        var command = await SubmitAsync(world, controller, "c1");
        var late = PlayedController.Item("c1", 0, "DeadlineExceeded", "no answer before the deadline");
        late["outcome"] = "Expired";
        late.Remove("timestamp");
        await controller.ResultsAsync(command, 0, late);
        await controller.SayAsync(command, "Expired", "targets=1 expired=1");
        Assert.Contains("c1        expired   -      -     DeadlineExceeded: no answer before the deadline\n", (await world.RunAsync("command", "show", command.Name())).Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Cancel_asks_for_it_once_and_results_stay_readable()
    {
        await using var world = await CtlWorld.StartAsync();
        await using var controller = await PlayedController.StartAsync(world.Api);
        var command = await SubmitAsync(world, controller, "*");
        await controller.TargetsAsync(command, "c1", "c2");
        await controller.ResultsAsync(command, 0, PlayedController.Item("c1", 200));
        var result = await world.RunAsync("command", "cancel", command.Name());
        Assert.Equal((0, "command namespace-shop-bcdfgh is being cancelled; targets that executed it already keep their result\n"), (result.Code, result.Out));
        Assert.True((await world.Api.GetAsync(Kinds.ClusterControllers, "ote-system", command.Name(), CtlWorld.Stop)).Truth("spec", "cancel"));
        await controller.SayAsync(command, "Cancelled", "targets=2 accepted=2 sent=1 succeeded=1 cancelled=1");
        Assert.Contains("c1        succeeded   200", (await world.RunAsync("command", "show", command.Name())).Out, StringComparison.Ordinal);
        var again = await world.RunAsync("command", "cancel", command.Name());
        Assert.Equal(1, again.Code);
        Assert.Contains("it ended already (Cancelled)", again.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_command_is_found_in_whichever_namespace_it_is_and_asked_for_when_there_are_two()
    {
        await using var world = await CtlWorld.StartAsync();
        await using var controller = await PlayedController.StartAsync(world.Api);
        var command = await SubmitAsync(world, controller, "*", "--command-namespace", "default");
        Assert.Contains("Name:      default/" + command.Name(), (await world.RunAsync("command", "show", command.Name())).Out, StringComparison.Ordinal);
        var twin = command.Copy();
        twin["metadata"] = new JsonObject { ["name"] = command.Name(), ["namespace"] = "ote-system" };
        await world.Api.CreateAsync(Kinds.ClusterControllers, "ote-system", twin, CtlWorld.Stop);
        var both = await world.RunAsync("command", "show", command.Name());
        Assert.Equal((2, $"error: there are 2 commands '{command.Name()}', in namespaces default, ote-system; say which with -n\n"), (both.Code, both.Error));
        Assert.Equal(0, (await world.RunAsync("command", "cancel", command.Name(), "-n", "default")).Code);
    }

    [Fact]
    public async Task Answers_are_printed_with_their_cluster_or_one_alone_for_a_program()
    {
        await using var world = await CtlWorld.StartAsync();
        await using var controller = await PlayedController.StartAsync(world.Api);
        var command = await SubmitAsync(world, controller, "*");
        await controller.ResultsAsync(command, 0, PlayedController.Item("c1", 200, body: """{"kind":"NodeList"}"""), PlayedController.Item("c2", 0, "Busy", "later"));
        await controller.ResultsAsync(command, 1, PlayedController.Item("c0", 200, body: "ok"));
        await controller.SayAsync(command, "Failed", "targets=3 succeeded=2 failed=1");
        var all = (await world.RunAsync("command", "show", command.Name(), "--body")).Out;
        Assert.EndsWith("\n--- c2: 0 Busy\nlater\n\n--- c0: 200\nok\n\n--- c1: 200\n{\"kind\":\"NodeList\"}\n", all, StringComparison.Ordinal); // as in the table: who failed first
        Assert.Equal("{\"kind\":\"NodeList\"}\n", (await world.RunAsync("command", "show", command.Name(), "--body", "c1")).Out);
        Assert.Contains("cluster 'c2' answered", (await world.RunAsync("command", "show", command.Name(), "--body", "c2")).Error, StringComparison.Ordinal);
        Assert.Equal(1, (await world.RunAsync("command", "show", command.Name(), "--body", "c3")).Code);
    }

    [Fact]
    public async Task Unknown_command_suggests_near_names()
    {
        await using var world = await CtlWorld.StartAsync();
        await using var controller = await PlayedController.StartAsync(world.Api);
        await SubmitAsync(world, controller, "*");
        var result = await world.RunAsync("command", "show", "namespace-shop");
        Assert.Equal(1, result.Code);
        Assert.Contains("not in any namespace (did you mean namespace-shop-bcdfgh?)", result.Error, StringComparison.Ordinal);
    }

    private static async Task<JsonObject> SubmitAsync(CtlWorld world, PlayedController controller, string selector, params string[] more)
    {
        world.Input = "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n";
        Assert.Equal(0, (await world.RunAsync(["apply", "-f", "-", "--to", selector, "--no-wait", .. more])).Code);
        return await controller.NextAsync();
    }
}
