using System.Text.Json.Nodes;
using Ote.Cluster.Handling;
using Ote.Cluster.Routing;
using Ote.Kube.Objects;

namespace Ote.Tests.Cluster.Handling;

public sealed class ClusterStatusTests
{
    [Theory]
    [InlineData(0, 0, 0, "True", "all its children hang elsewhere")]
    [InlineData(1, 0, 0, "False", "1 child has not left yet")]
    [InlineData(2, 1, 0, "False", "2 children have not left yet")]
    [InlineData(0, 1, 0, "False", "1 child has left and is not attached elsewhere yet")]
    [InlineData(0, 2, 1, "False", "2 children have left and are not attached elsewhere yet")]
    [InlineData(0, 0, 1, "True", "no child hangs below it; 1 cluster that did is away")]
    public void A_drained_cluster_says_how_many_have_not_left_or_not_arrived(int attached, int moving, int away, string status, string message)
    {
        var cluster = new JsonObject { ["status"] = new JsonObject() };
        ClusterStatus.WriteDrain((JsonObject)cluster["status"]!, new ChildrenOf(attached, moving, away), DateTimeOffset.UnixEpoch);
        Assert.Equal((status, message), (cluster.Condition("Drained").Text("status"), cluster.Condition("Drained").Text("message")));
    }

    [Fact]
    public void A_shim_that_does_not_report_is_told_with_the_way_out_and_one_of_which_that_is_not_known_is_not()
    {
        var cluster = new JsonObject { ["status"] = new JsonObject() };
        var entry = new RouteEntry { Name = "c1", Uid = "u", Managed = true, Online = true, Local = new LocalReport(true, "", 0, Reports: false) };
        ClusterStatus.WriteReporting((JsonObject)cluster["status"]!, entry, DateTimeOffset.UnixEpoch);
        Assert.Equal(("False", "Silent"), (cluster.Condition("Reporting").Text("status"), cluster.Condition("Reporting").Text("reason")));
        Assert.Contains("--reports", cluster.Condition("Reporting").Text("message"), StringComparison.Ordinal);
        ClusterStatus.WriteReporting((JsonObject)cluster["status"]!, entry with { Local = new LocalReport(true, "", 0) }, DateTimeOffset.UnixEpoch);
        Assert.Null(cluster.Condition("Reporting"));
        Assert.False(LocalReport.From(entry.Local.ToWire())!.Reports);
    }

    [Fact]
    public void What_a_shim_is_to_report_and_is_not_there_is_told_with_what_to_write_until_it_comes()
    {
        var cluster = new JsonObject { ["status"] = new JsonObject() };
        var told = LocalReport.From(new LocalReport(true, "", 0, Reports: true, ReportsLack: "po (write --report pods)").ToWire())!;
        var entry = new RouteEntry { Name = "c1", Uid = "u", Managed = true, Online = true, Local = told };
        ClusterStatus.WriteReporting((JsonObject)cluster["status"]!, entry, DateTimeOffset.UnixEpoch);
        Assert.Equal(("True", "KindsAwaited"), (cluster.Condition("Reporting").Text("status"), cluster.Condition("Reporting").Text("reason")));
        Assert.EndsWith("is not there: po (write --report pods)", cluster.Condition("Reporting").Text("message"), StringComparison.Ordinal);
        ClusterStatus.WriteReporting((JsonObject)cluster["status"]!, entry with { Local = told with { ReportsLack = "" } }, DateTimeOffset.UnixEpoch);
        Assert.Equal("Told", cluster.Condition("Reporting").Text("reason"));
        Assert.Equal(LocalReport.MaxLack, LocalReport.From(new LocalReport(true, "", 0, Reports: true, ReportsLack: new string('x', 5000)).ToWire())!.ReportsLack.Length); // whoever told it deceives
    }

    [Fact]
    public void The_lag_of_a_cluster_is_shown_while_it_is_online_and_answers()
    {
        var status = new JsonObject();
        var entry = new RouteEntry
        {
            Name = "c1", Uid = "u", Managed = true, Online = true, Local = new LocalReport(true, "", 0, "", new Ote.Protocol.Reports.ClusterSummary { ReportLagMilliseconds = 90_001 }, Reports: true),
        };
        ClusterStatus.WriteReporting(status, entry, DateTimeOffset.UnixEpoch);
        Assert.Equal("1m30s", status.Text("reportLag"));
        ClusterStatus.WriteReporting(status, entry with { Online = false }, DateTimeOffset.UnixEpoch);
        Assert.Null(status["reportLag"]);
        ClusterStatus.WriteReporting(status, entry with { Local = entry.Local! with { IsReachable = false } }, DateTimeOffset.UnixEpoch);
        Assert.Null(status["reportLag"]);
        Assert.Equal(365, new LocalReport(true, "", 0, "", new Ote.Protocol.Reports.ClusterSummary { ReportLagMilliseconds = ulong.MaxValue }).Lag!.Value.TotalDays); // whoever told it deceives
    }

    [Theory]
    [InlineData(0, "0s")]
    [InlineData(200, "200ms")]
    [InlineData(5_000, "5s")]
    [InlineData(60_000, "1m")]
    [InlineData(172_800_000, "48h")]
    [InlineData(3_661_500, "1h1m1s500ms")]
    public void Lengths_of_time_are_written_as_kubernetes_does(long milliseconds, string text) => Assert.Equal(text, DurationText.Of(TimeSpan.FromMilliseconds(milliseconds)));
}
