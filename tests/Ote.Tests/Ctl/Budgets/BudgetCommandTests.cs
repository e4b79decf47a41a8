using System.Text.Json.Nodes;
using Ote.Ctl.Cli;
using Ote.Kube.Objects;

namespace Ote.Tests.Ctl.Budgets;

public sealed class BudgetCommandTests
{
    [Fact]
    public async Task A_budget_is_written_whole_and_taken_back_by_none()
    {
        await using var world = await TreeAsync();
        var set = await world.RunAsync(
            "budget", "c1", "--rate", "64Ki", "--daily", "200Mi", "--quiet", "22:00-06:00", "--offset", "+08:00", "--weights", "commands=4,work=2,reports=1,bulk=1");
        Assert.Equal(
            "the link of cluster c1 may carry 64Ki bytes a second, 200Mi bytes a day, quiet 22:00-06:00, by UTC+08:00, weights commands=4,work=2,reports=1,bulk=1\n",
            set.Out + set.Error);
        Assert.Equal(
            """{"bytesPerSecond":65536,"dailyBytes":209715200,"laneWeights":{"bulk":1,"commands":4,"reports":1,"work":2},"offset":"+08:00","quietHours":["22:00-06:00"]}""",
            Sorted(await BudgetAsync(world)));

        await world.RunAsync("budget", "c1", "--rate", "500k");
        Assert.Equal("""{"bytesPerSecond":500000}""", Sorted(await BudgetAsync(world))); // what is left out is not limited any more

        Assert.Equal("the link of cluster c1 may carry anything\n", (await world.RunAsync("budget", "c1", "--none")).Out);
        Assert.Equal("{}", Sorted(await BudgetAsync(world)));
    }

    [Theory]
    [InlineData(2, "error: say either", "budget", "c1")]
    [InlineData(2, "error: say either", "budget", "c1", "--none", "--rate", "1Ki")]
    [InlineData(2, "--rate: '64KB' is no number of bytes", "budget", "c1", "--rate", "64KB")]
    [InlineData(2, "--quiet: '22-6' are no quiet hours", "budget", "c1", "--quiet", "22-6")]
    [InlineData(2, "--offset: '8' is no offset", "budget", "c1", "--rate", "1Ki", "--offset", "8")]
    [InlineData(2, "--weights: 'control=9' is no lane and weight", "budget", "c1", "--weights", "control=9")]
    [InlineData(1, "it has no link to a parent", "budget", "root", "--rate", "1Ki")]
    public async Task What_makes_no_sense_is_refused_with_the_reason(int code, string reason, params string[] typed)
    {
        await using var world = await TreeAsync();
        var result = await world.RunAsync(typed);
        Assert.Equal(code, result.Code);
        Assert.Contains(reason, result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Describe_shows_the_budget_the_cost_and_the_certificate()
    {
        await using var world = await TreeAsync();
        await world.RunAsync("budget", "c1", "--daily", "200Mi");
        var cluster = (await world.Api.GetAsync(Kinds.Clusters, null, "c1", CtlWorld.Stop))!;
        cluster["status"]!["certificate"] = new JsonObject { ["notAfter"] = "2026-04-01T00:00:00Z" };
        cluster["status"]!["link"] = new JsonObject
        {
            ["roundTripMilliseconds"] = 42, ["bytesToday"] = 73 << 20, ["dailyBytes"] = 200 << 20, ["savedToday"] = 3 << 19, ["asOf"] = "2026-03-01T11:58:00Z",
        };
        await world.Api.ReplaceStatusAsync(Kinds.Clusters, cluster, CtlWorld.Stop);

        var shown = (await world.RunAsync("describe", "cluster", "c1")).Out;

        Assert.Contains("Link budget:  200Mi bytes a day\n", shown, StringComparison.Ordinal);
        Assert.Contains("Link cost:    73Mi bytes today, 127Mi left of 200Mi, 1.5Mi saved by compression, round trip 42 ms (told 2m ago)\n", shown, StringComparison.Ordinal);
        Assert.Contains("Certificate:  ends at 2026-04-01T00:00:00Z\n", shown, StringComparison.Ordinal);
        Assert.Equal(73 << 20, JsonNode.Parse((await world.RunAsync("describe", "cluster", "c1", "-o", "json")).Out).Whole("status", "link", "bytesToday"));
    }

    [Fact]
    public async Task Describe_says_what_is_held_back_and_until_when_at_the_latest()
    {
        await using var world = await TreeAsync();
        await world.RunAsync("budget", "c1", "--quiet", "11:00-13:00");

        var shown = (await world.RunAsync("describe", "cluster", "c1")).Out;

        Assert.Contains("Held back:    all but control messages and commands: quiet hours, until 2026-03-01 13:00 UTC at the latest\n", shown, StringComparison.Ordinal);
        world.Time.Advance(TimeSpan.FromHours(1));
        Assert.DoesNotContain("Held back", (await world.RunAsync("describe", "cluster", "c1")).Out, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--rate", "10", "error: --rate: 10 bytes is not between 128 and 1Ti\n")]
    [InlineData("--daily", "5k", "error: --daily: 5000 bytes is not between 1Mi and 1024Ti\n")]
    public async Task A_size_that_is_not_allowed_is_told_with_its_option(string option, string value, string expected)
    {
        await using var world = await TreeAsync();
        var result = await world.RunAsync("budget", "c1", option, value);
        Assert.Equal((2, expected), (result.Code, result.Error));
        Assert.Null(await BudgetAsync(world));
    }

    [Theory]
    [InlineData("64Ki", 65_536)]
    [InlineData("1Gi", 1 << 30)]
    [InlineData("500k", 500_000)]
    [InlineData("12", 12)]
    public void Sizes_are_read_as_kubernetes_writes_them(string text, long bytes)
    {
        Assert.True(Sizes.TryParse(text, out var read));
        Assert.Equal(bytes, read);
    }

    [Theory]
    [InlineData("")]
    [InlineData("Ki")]
    [InlineData("-1")]
    [InlineData("1.5Mi")]
    [InlineData("9999999999Ti")]
    public void What_is_no_size_is_refused(string text) => Assert.False(Sizes.TryParse(text, out _));

    private static async Task<JsonNode?> BudgetAsync(CtlWorld world) => (await world.Api.GetAsync(Kinds.Clusters, null, "c1", CtlWorld.Stop)).At("spec", "linkBudget");

    private static string Sorted(JsonNode? node) => node switch
    {
        JsonObject o => "{" + string.Join(',', o.OrderBy(p => p.Key, StringComparer.Ordinal).Select(p => $"\"{p.Key}\":{Sorted(p.Value)}")) + "}",
        _ => node?.ToJsonString(new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping }) ?? "null",
    };

    private static async Task<CtlWorld> TreeAsync()
    {
        var world = await CtlWorld.StartAsync();
        await world.AddClusterAsync("root", null, path: ["root"]);
        await world.AddClusterAsync("c1", "root", path: ["root", "c1"]);
        return world;
    }
}
