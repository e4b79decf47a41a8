using System.Globalization;
using System.Text.Json.Nodes;
using Ote.SystemTests.Kubernetes;

namespace Ote.SystemTests.Observation;

/// <summary>What <c>--log-json</c> writes, for who collects logs by machine.</summary>
public sealed class JsonLogTests
{
    private static readonly TimeSpan s_soon = TimeSpan.FromMinutes(1);
    private static readonly string[] s_levels = ["Trace", "Debug", "Information", "Warning", "Error", "Critical"];

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Log_asJson_isOneObjectALineThatHasTimeLevelEventAndMessage()
    {
        using Scratch scratch = new("json-log");
        await using ProductProcess root = new(
            "root", "ote", ["cluster-controller", "--data", scratch["root"], "--listen", "127.0.0.1:0", "--api-listen", "127.0.0.1:0", "--log-json", "--log-level", "Debug"], scratch.Path);
        DateTimeOffset began = TimeProvider.System.GetUtcNow();
        await root.StartAsync();
        await root.WaitForLineAsync("ready root", s_soon, Ct);
        Assert.Equal(0, await root.StopAsync(s_soon));

        // What the role says on standard output is in the same file, and is no log.
        string[] lines = [.. (await File.ReadAllLinesAsync(root.LogFile, Ct)).Where(line => !((string[])["kubeconfig ", "ca-pin ", "ready "]).Any(said => line.StartsWith(said, StringComparison.Ordinal)))];
        Assert.NotEmpty(lines);
        foreach (JsonNode entry in lines.Select(line => JsonNode.Parse(line)!))
        {
            DateTimeOffset at = DateTimeOffset.ParseExact((string)entry["Timestamp"]!, "yyyy-MM-ddTHH:mm:ss.fffZ", CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal);
            Assert.InRange(at, began.AddSeconds(-1), TimeProvider.System.GetUtcNow());
            Assert.Contains((string)entry["LogLevel"]!, s_levels);
            Assert.NotEmpty((string)entry["Message"]!);
            Assert.NotNull(entry["EventId"]);
        }

        JsonNode listens = Assert.Single(lines.Select(line => JsonNode.Parse(line)!), entry => ((string)entry["Message"]!).StartsWith("API server root listens on 127.0.0.1:", StringComparison.Ordinal));
        Assert.Equal(1001, (int)listens["EventId"]!);
        Assert.Equal("Information", (string)listens["LogLevel"]!);
        Assert.Equal("root", (string)listens["State"]!["Name"]!); // what a message names is a field of its own
    }
}
