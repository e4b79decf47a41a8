using System.Text.Json.Nodes;
using Ote.Cluster.Commands;
using Ote.Kube.Objects;
using Ote.Kube.Resources;
using Ote.Kube.Server.Schema;
using Ote.Kube.Server.Tables;
using Ote.Protocol.Tunnel;

namespace Ote.Tests.Kube.Resources;

/// <summary>What <c>kubectl get ccs</c> shows of a command, by the definition's printer columns.</summary>
public sealed class CommandColumnsTests
{
    private static readonly DateTimeOffset Now = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public void A_command_that_cannot_be_carried_out_shows_why()
    {
        JsonObject status = [];
        CommandStatus.Invalid(status, 1, ["spec.url: wrong"], Now);
        Assert.Equal(("Failed", "InvalidSpec", "spec.url: wrong"), Shown(status));
    }

    [Theory]
    [InlineData("NamesKnown", "UnknownNames", "no cluster was known by the name c9")]
    [InlineData("Matched", "NoClusterMatched", "no known cluster matches 'x=y'")]
    public void The_condition_that_does_not_hold_is_the_reason(string type, string reason, string message)
    {
        var status = new JsonObject { ["commandPhase"] = "Failed" };
        Conditions.SetCondition(status, "Valid", true, "Valid", "the spec can be carried out", Now);
        Conditions.SetCondition(status, type, false, reason, message, Now);
        Conditions.SetCondition(status, "Complete", true, "AllAnswered", "every target has its final outcome", Now);
        Assert.Equal(("Failed", reason, message), Shown(status));
    }

    [Fact]
    public void A_command_that_failed_shows_at_whom_and_why()
    {
        var status = new JsonObject { ["commandPhase"] = "Failed", ["completionTime"] = "2026-03-01T12:00:00Z" };
        Conditions.SetCondition(status, "Complete", true, "AllAnswered", "every target has its final outcome", Now);
        var failed = new Receipt { Cluster = "c1", Stage = Stage.Executed, Code = 501, Error = "UnknownDestination", Text = "destination 'helm': this version applies no charts" };
        CommandStatus.Failures(status, [new Receipt { Cluster = "c0", Stage = Stage.Executed, Code = 200 }, failed], Now);
        Assert.Equal(("Failed", "UnknownDestination", "c1: 501 UnknownDestination destination 'helm': this version applies no charts"), Shown(status));
    }

    [Fact]
    public void A_command_that_went_well_has_no_reason()
    {
        var status = new JsonObject { ["commandPhase"] = "Succeeded" };
        Conditions.SetCondition(status, "Complete", true, "AllAnswered", "every target has its final outcome", Now);
        Assert.Equal(("Succeeded", null, null), Shown(status));
    }

    [Fact]
    public void The_message_is_for_the_wide_table_and_the_reason_for_both()
    {
        var columns = Table([])["columnDefinitions"]!.AsArray();
        Assert.Equal((0, 1), (Priority("Reason"), Priority("Message")));
        int Priority(string name) => (int)(columns.Single(column => column.Text("name") == name).Whole("priority") ?? 0);
    }

    private static (string? Phase, string? Reason, string? Message) Shown(JsonObject status)
    {
        var table = Table(status);
        string?[] names = [.. table["columnDefinitions"]!.AsArray().Select(column => column.Text("name"))];
        string? Cell(string name) => table["rows"]![0]!["cells"]![Array.IndexOf(names, name)]?.ToString();
        return (Cell("Phase"), Cell("Reason"), Cell("Message"));
    }

    private static JsonObject Table(JsonObject status)
    {
        var crd = Crds.Load().Single(definition => definition.Name() == "clustercontrollers.ote.baidu.com");
        var kind = SchemaCatalog.BuiltIn.WithCrd(crd).Find(Kinds.ClusterControllers.Group, Kinds.ClusterControllers.Version, Kinds.ClusterControllers.Plural)!;
        return TableRenderer.Render(kind, [new JsonObject { ["metadata"] = new JsonObject { ["name"] = "n" }, ["status"] = status }], Now, null, IncludeObject.None);
    }
}
