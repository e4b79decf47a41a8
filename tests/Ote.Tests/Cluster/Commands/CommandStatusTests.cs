using System.Text.Json.Nodes;
using Ote.Cluster.Commands;
using Ote.Cluster.Routing;
using Ote.Kube.Objects;
using Ote.Protocol.Tunnel;

namespace Ote.Tests.Cluster.Commands;

public sealed class CommandStatusTests
{
    [Theory]
    [InlineData("", "Failed")]
    [InlineData("Accepted Accepted", "Pending")]
    [InlineData("Accepted Sent", "Running")]
    [InlineData("Succeeded Accepted", "Running")]
    [InlineData("Succeeded Succeeded", "Succeeded")]
    [InlineData("Succeeded NotSelected", "Succeeded")]
    [InlineData("Succeeded Failed Expired Cancelled", "Failed")]
    [InlineData("Succeeded Expired Cancelled", "Expired")]
    [InlineData("Succeeded Cancelled", "Cancelled")]
    public void The_phase_says_the_worst_that_happened(string stages, string phase)
    {
        var status = Write(RunWith(stages));
        Assert.Equal(phase, status.Text("commandPhase"));
    }

    [Fact]
    public void Counts_say_how_far_targets_came()
    {
        var counts = Write(RunWith("Accepted Sent Durable Succeeded Failed Expired Cancelled NotSelected"))["targetCounts"]!;
        Assert.Equal(
            """{"targets":8,"accepted":8,"sent":4,"durable":3,"executed":2,"succeeded":1,"failed":1,"expired":1,"cancelled":1,"notSelected":1}""",
            counts.ToJsonString());
    }

    [Fact]
    public void Conditions_tell_what_to_look_at()
    {
        var none = Write(Objects.Run());
        Assert.Equal(("False", "NoClusterMatched"), Condition(none, "Matched"));
        Assert.Contains("no known cluster matches '*'", Named(none, "Matched").Text("message")!, StringComparison.Ordinal);
        Assert.Equal(("True", "AllAnswered"), Condition(none, "Complete"));

        var running = Write(RunWith("Accepted Succeeded"));
        Assert.Equal(("True", "Valid"), Condition(running, "Valid"));
        Assert.Equal(("True", "ClustersMatched"), Condition(running, "Matched"));
        Assert.Equal(("False", "Waiting"), Condition(running, "Complete"));
        Assert.Null(running.Text("completionTime"));

        JsonObject invalid = [];
        CommandStatus.Invalid(invalid, 4, ["spec.method: wrong", "spec.url: wrong"], Objects.Start);
        Assert.Equal(("False", "InvalidSpec"), Condition(invalid, "Valid"));
        Assert.Contains("spec.method: wrong; spec.url: wrong", invalid.ToJsonString(), StringComparison.Ordinal);
        Assert.Equal(("Failed", 4L), (invalid.Text("commandPhase"), invalid.Whole("observedGeneration")));
    }

    [Fact]
    public void The_end_keeps_its_first_time()
    {
        var run = RunWith("Succeeded");
        var status = Write(run);
        CommandStatus.Write(status, run, 3, 1, Objects.Start.AddHours(1));
        Assert.Equal(Objects.Start, status.Time("completionTime"));
    }

    [Fact]
    public void A_new_generation_starts_from_nothing()
    {
        JsonObject status = new() { ["observedGeneration"] = 2, ["completionTime"] = "2026-01-01T00:00:00Z", ["old-cluster"] = new JsonObject(), ["commandPhase"] = "Succeeded" };
        CommandStatus.Write(status, RunWith("Accepted"), 3, 0, Objects.Start);
        Assert.False(status.ContainsKey("old-cluster"));
        Assert.False(status.ContainsKey("completionTime"));
        Assert.Equal("Pending", status.Text("commandPhase"));
    }

    [Fact]
    public void No_field_can_be_a_clusters_name()
    {
        var status = Write(RunWith("Succeeded"));
        Assert.All(status, field => Assert.NotNull(ClusterName.CheckChild(field.Key)));
        CommandStatus.Inline(status, Objects.Receipt("c1", Stage.Executed, 200));
        Assert.Null(ClusterName.CheckChild("c1"));
        Assert.NotNull(ClusterName.CheckChild("phase"));
    }

    [Fact]
    public void A_result_stands_where_the_original_product_has_it()
    {
        JsonObject status = [];
        CommandStatus.Inline(status, Objects.Receipt("c1", Stage.Executed, 201, body: "created"));
        var failed = Objects.Receipt("c2", Stage.Executed, 0, "Refused");
        failed.Text = "connection refused";
        CommandStatus.Inline(status, failed);
        CommandStatus.Inline(status, Objects.Receipt("c3", Stage.Executed, 200, body: new string('x', 9000)));
        Assert.Equal((201L, "created", Objects.Start.ToUnixTimeSeconds()), (status.Whole("c1", "code"), status.Text("c1", "body"), status.Whole("c1", "timestamp")));
        Assert.Equal("connection refused", status.Text("c2", "body"));
        Assert.Equal("", status.Text("c3", "body"));
    }

    private static CommandRun RunWith(string stages)
    {
        var wanted = stages.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(Enum.Parse<TargetStage>).ToArray();
        var run = Objects.Run([.. wanted.Select((_, i) => $"t{i}")]);
        for (int i = 0; i < wanted.Length; i++)
        {
            run.Restore($"t{i}", wanted[i]);
        }

        return run;
    }

    private static JsonObject Write(CommandRun run)
    {
        JsonObject status = [];
        CommandStatus.Write(status, run, 3, 1, Objects.Start);
        return status;
    }

    private static (string?, string?) Condition(JsonObject status, string type)
    {
        var condition = Named(status, type);
        return (condition.Text("status"), condition.Text("reason"));
    }

    private static JsonObject Named(JsonObject status, string type) => status.Items("conditions")!.OfType<JsonObject>().Single(c => c.Text("type") == type);
}
