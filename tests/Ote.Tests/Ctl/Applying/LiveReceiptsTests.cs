using System.Text.Json.Nodes;
using Ote.Ctl.Applying;
using Ote.Ctl.Commands;
using Spectre.Console;

namespace Ote.Tests.Ctl.Applying;

public sealed class LiveReceiptsTests
{
    [Fact]
    public void Table_has_a_line_for_each_object_and_gaps_between_its_columns() => Assert.Equal(
        """
        OBJECT                 TARGETS  ACCEPT  SENT  DURABLE  EXEC  OK  FAILED  PHASE
        deployment.apps/nginx       12      12    12       12    12  11       1  Failed
        namespace/shop               0       0     0        0     0   0       0  Waiting
        """,
        Draw(Of("deployment.apps/nginx", 12, 11, "Failed"), new Receipt("namespace/shop", null, [])));

    [Theory]
    [InlineData(7)]
    [InlineData(250_000)]
    public void Eighty_columns_hold_it_also_with_large_counts_and_a_long_name(int targets)
    {
        var lines = Draw(Of("customresourcedefinition.apiextensions.k8s.io/clusters.ote.baidu.com", targets, targets - 1, "Succeeded")).Split('\n');
        Assert.Equal(2, lines.Length);
        Assert.EndsWith(" Succeeded", lines[1], StringComparison.Ordinal);
        Assert.Contains("… ", lines[1], StringComparison.Ordinal);
    }

    private static Receipt Of(string subject, int targets, int succeeded, string phase)
    {
        var counts = new JsonObject { ["failed"] = targets - succeeded, ["succeeded"] = succeeded };
        foreach (var stage in (string[])["targets", "accepted", "sent", "durable", "executed"])
        {
            counts[stage] = targets;
        }

        var command = new JsonObject { ["metadata"] = new JsonObject { ["name"] = "x" }, ["status"] = new JsonObject { ["commandPhase"] = phase, ["targetCounts"] = counts } };
        return new Receipt(subject, new CommandView(command), []);
    }

    private static string Draw(params Receipt[] receipts)
    {
        using var text = new StringWriter { NewLine = "\n" };
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Ansi = AnsiSupport.No, ColorSystem = ColorSystemSupport.NoColors, Out = new AnsiConsoleOutput(text) });
        console.Profile.Width = 80;
        console.Write(LiveReceipts.Draw(receipts));
        return string.Join('\n', text.ToString().Split('\n').Select(line => line.TrimEnd())).TrimEnd();
    }
}
