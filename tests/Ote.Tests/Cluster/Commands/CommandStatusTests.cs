using System.Text.Json.Nodes;
using Google.Protobuf;
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
            """{"targets":8,"accepted":8,"sent":7,"durable":3,"executed":2,"succeeded":1,"failed":1,"expired":1,"cancelled":1,"notSelected":1,"unknown":0}""",
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
    public void One_is_told_as_one_and_several_as_several()
    {
        var one = Write(RunWith("Sent"));
        Assert.Equal("the selector matched 1 cluster", Named(one, "Matched").Text("message"));
        Assert.StartsWith("1 target has not answered; it may until ", Named(one, "Complete").Text("message"), StringComparison.Ordinal);
        Assert.StartsWith("2 targets have not answered; they may until ", Named(Write(RunWith("Sent Sent")), "Complete").Text("message"), StringComparison.Ordinal);

        JsonObject refused = [];
        CommandStatus.NotAllowed(refused, 1, "no policy allows it", 1, Objects.Start);
        Assert.Equal("not for the one cluster it means: no policy allows it", Named(refused, "Allowed").Text("message"));
    }

    [Fact]
    public void The_end_keeps_its_first_time()
    {
        var run = RunWith("Succeeded");
        var status = Write(run);
        CommandStatus.Write(status, run, 3, 1, new MissingTargets([], [], []), Objects.Start.AddHours(1));
        Assert.Equal(Objects.Start, status.Time("completionTime"));
    }

    [Fact]
    public void A_new_generation_starts_from_nothing()
    {
        JsonObject status = new() { ["observedGeneration"] = 2, ["completionTime"] = "2026-01-01T00:00:00Z", ["old-cluster"] = new JsonObject(), ["commandPhase"] = "Succeeded" };
        CommandStatus.Write(status, RunWith("Accepted"), 3, 0, new MissingTargets([], [], []), Objects.Start);
        Assert.False(status.ContainsKey("old-cluster"));
        Assert.False(status.ContainsKey("completionTime"));
        Assert.Equal("Pending", status.Text("commandPhase"));
    }

    [Fact]
    public void No_field_can_be_a_clusters_name()
    {
        var status = Write(RunWith("Succeeded"));
        Assert.All(status, field => Assert.NotNull(ClusterName.CheckChild(field.Key)));
        Assert.Null(ClusterName.CheckChild("c1"));
        Assert.NotNull(ClusterName.CheckChild("phase"));
    }

    [Fact]
    public void A_result_stands_where_the_original_product_has_it()
    {
        JsonObject obj = [];
        var failed = Objects.Receipt("c2", Stage.Executed, 0, "Refused");
        failed.Text = "connection refused";
        var binary = Objects.Receipt("c4", Stage.Executed, 200);
        binary.Body = ByteString.CopyFrom(0xFF, 0x00, 0xFE);
        CommandStatus.Inline(
            obj, [Objects.Receipt("c1", Stage.Executed, 201, body: "created"), failed, Objects.Receipt("c3", Stage.Executed, 200, body: new string('x', 9000)), binary]);
        var status = (JsonObject)obj["status"]!;
        Assert.Equal((201L, "created", Objects.Start.ToUnixTimeSeconds()), (status.Whole("c1", "code"), status.Text("c1", "body"), status.Whole("c1", "timestamp")));
        Assert.Equal("connection refused", status.Text("c2", "body"));
        Assert.Equal((new string('x', 8192), true), (status.Text("c3", "body"), status.Truth("c3", "truncated")));
        Assert.Equal(("/wD+", "base64"), (status.Text("c4", "body"), status.Text("c4", "bodyEncoding")));
        Assert.False(((JsonObject)status["c1"]!).ContainsKey("truncated"));
    }

    [Fact]
    public void However_large_answers_and_spec_are_the_object_stays_what_an_API_server_takes()
    {
        var obj = Objects.Command(("body", new string('<', 100 * 1024)));
        Receipt[] results = [.. Enumerable.Range(0, CommandStatus.MostInline).Select(i => Objects.Receipt($"c{i}", Stage.Executed, 200, body: new string('"', 8 * 1024)))];
        CommandStatus.Inline(obj, results);
        CommandStatus.Inline(obj, results);
        Assert.InRange(obj.ToJsonString().Length, 600 * 1024, 1100 * 1024);
        Assert.All(results, r => Assert.Equal(200, obj.Whole("status", r.Cluster, "code")));
    }

    [Fact]
    public void A_name_nobody_answers_to_is_told_and_is_no_success()
    {
        CommandRun run = new(Objects.Spec(("clusterSelector", "c1,c2,c9")), ["c1", "c2"], Objects.Start);
        run.Restore("c1", TargetStage.Succeeded, null);
        var status = Write(run);
        Assert.Equal(("False", "UnknownNames"), Condition(status, "NamesKnown"));
        Assert.Contains("no cluster was known by the name c9 ", Named(status, "NamesKnown").Text("message")!, StringComparison.Ordinal);
        Assert.Equal(1, status.Whole("targetCounts", "unknown"));

        run.Restore("c2", TargetStage.Succeeded, null);
        Assert.Equal("Failed", Write(run).Text("commandPhase"));
    }

    [Fact]
    public void The_condition_about_names_goes_with_the_generation_it_was_about()
    {
        var status = Write(new CommandRun(Objects.Spec(("clusterSelector", "c1,c9")), ["c1"], Objects.Start));
        CommandStatus.Write(status, RunWith("Accepted"), 4, 0, new MissingTargets([], [], []), Objects.Start);
        Assert.DoesNotContain(status.Items("conditions")!, c => c.Text("type") == "NamesKnown");
    }

    [Fact]
    public void Who_is_waited_for_although_away_is_told_by_name()
    {
        var status = Write(RunWith("Sent Sent Sent"), new MissingTargets([.. Enumerable.Range(10, 12).Select(i => $"e{i}")], ["lost"], []));
        Assert.Equal(("False", "ClustersAway"), Condition(status, "Complete"));
        Assert.Contains("; away: e10, e11, e12, e13, e14, e15, e16, e17, e18, e19 and 2 more; not known any more: lost", Named(status, "Complete").Text("message")!, StringComparison.Ordinal);
    }

    [Fact]
    public void Who_is_waited_for_because_its_cluster_does_not_answer_is_told_by_name()
    {
        var status = Write(RunWith("Sent"), new MissingTargets([], [], ["t0"]));
        Assert.Equal(("False", "ClustersNotAnswering"), Condition(status, "Complete"));
        Assert.EndsWith("; the cluster or its shim does not answer at: t0", Named(status, "Complete").Text("message")!, StringComparison.Ordinal);
    }

    private static CommandRun RunWith(string stages)
    {
        var wanted = stages.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(Enum.Parse<TargetStage>).ToArray();
        var run = Objects.Run([.. wanted.Select((_, i) => $"t{i}")]);
        for (int i = 0; i < wanted.Length; i++)
        {
            run.Restore($"t{i}", wanted[i], wanted[i] is TargetStage.Succeeded or TargetStage.Failed ? null : TargetStage.Sent);
        }

        return run;
    }

    private static JsonObject Write(CommandRun run, MissingTargets? missing = null)
    {
        JsonObject status = [];
        CommandStatus.Write(status, run, 3, 1, missing ?? new MissingTargets([], [], []), Objects.Start);
        return status;
    }

    private static (string?, string?) Condition(JsonObject status, string type)
    {
        var condition = Named(status, type);
        return (condition.Text("status"), condition.Text("reason"));
    }

    private static JsonObject Named(JsonObject status, string type) => status.Items("conditions")!.OfType<JsonObject>().Single(c => c.Text("type") == type);
}
