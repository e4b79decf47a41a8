using System.Text.Json.Nodes;

namespace Ote.SystemTests.Conformance;

/// <summary>The embedded API server beside a real kube-apiserver, by kubectls of two ages and by helm.</summary>
public sealed class ConformanceTests
{
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(30); // for one that hangs: two servers and two kubectls take ten on a busy machine

    [Fact]
    public async Task Embedded_server_does_as_the_real_one_does_but_for_what_was_reviewed()
    {
        CancellationToken ct = TestContext.Current.CancellationToken;
        CommandResult run = await CommandLine.RunAsync("dotnet", [Repository.Executable("Ote.Conformance"), "-o", "json"], null, null, s_limit, ct);

        Assert.True(run.ExitCode == 0, run.Out + run.Error);
        JsonObject counts = JsonNode.Parse(run.Out.TrimEnd().Split('\n')[^1])!.AsObject();
        Assert.Equal(["commands", "same", "reviewed", "different"], counts.Select(count => count.Key));
        Assert.Equal(0, (int)counts["different"]!);
        Assert.True((int)counts["commands"]! >= 200, counts.ToJsonString());
        Assert.True((int)counts["reviewed"]! * 10 <= (int)counts["commands"]!, counts.ToJsonString());
    }
}
