using System.Text.Json.Nodes;
using Ote.Kube.Objects;

namespace Ote.Tests.Ctl.Clusters;

public sealed class IssuingCommandTests
{
    [Fact]
    public async Task Leave_is_given_for_a_time_and_withdrawn_and_each_is_said()
    {
        await using var world = await WorldAsync();
        var given = await world.RunAsync("issuing", "grant", "north", "--for", "7d", "--names", "shop-*", "--certificate-life", "2h");
        Assert.Equal((0, ""), (given.Code, given.Error));
        Assert.Equal("cluster north may let in clusters named shop-* until 2026-03-08T12:00:00Z, by tokens of 'otectl join-token create --issuer north'\n", given.Out);
        Assert.Equal(
            """{"until":"2026-03-08T12:00:00Z","namePattern":"shop-*","certificateSeconds":7200}""",
            (await world.Api.GetAsync(Kinds.Clusters, null, "north", CtlWorld.Stop))!["spec"]!["issuing"]!.ToJsonString());
        Assert.Contains("May let in:   clusters named shop-* until 2026-03-08T12:00:00Z", (await world.RunAsync("describe", "cluster", "north")).Out, StringComparison.Ordinal);

        await world.RunAsync("issuing", "grant", "north");
        Assert.Equal("""{"until":"2026-03-31T12:00:00Z"}""", (await world.Api.GetAsync(Kinds.Clusters, null, "north", CtlWorld.Stop))!["spec"]!["issuing"]!.ToJsonString());
        Assert.StartsWith("cluster north lets in nobody any more", (await world.RunAsync("issuing", "withdraw", "north")).Out, StringComparison.Ordinal);
        Assert.Null((await world.Api.GetAsync(Kinds.Clusters, null, "north", CtlWorld.Stop))!["spec"]!["issuing"]);
        Assert.Equal("cluster north had no leave\n", (await world.RunAsync("issuing", "withdraw", "north")).Out);
    }

    [Theory]
    [InlineData("--names=Bad_*", "error: --names: no cluster can be called as in 'Bad_*'")]
    [InlineData("--certificate-life=5m", "error: --certificate-life: 5m is not between 10m and 30d")]
    public async Task What_could_never_work_is_refused(string option, string error)
    {
        await using var world = await WorldAsync();
        var result = await world.RunAsync("issuing", "grant", "north", option);
        Assert.Equal(2, result.Code);
        Assert.StartsWith(error, result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Only_the_roots_api_gives_leave_and_not_to_the_root()
    {
        await using var world = await WorldAsync();
        Assert.Contains("it admits clusters anyway", (await world.RunAsync("issuing", "grant", "root")).Error, StringComparison.Ordinal);
        await world.Controller.DeleteAsync(Kinds.Clusters, null, "root", CtlWorld.Stop);
        Assert.Contains("only the root gives leave", (await world.RunAsync("issuing", "grant", "north")).Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Token_for_an_issuer_says_where_to_join_and_that_the_issuer_needs_leave()
    {
        await using var world = await WorldAsync();
        var asks = await world.RunAsync("join-token", "create", "--issuer", "north", "--no-auto-accept");
        Assert.Equal(2, asks.Code);
        Assert.Contains("approval is the root's to give", asks.Error, StringComparison.Ordinal);
        Assert.NotEqual(0, (await world.RunAsync("join-token", "create", "--issuer", "nrth")).Code);

        var made = await world.RunAsync("join-token", "create", "--issuer", "north");
        Assert.Contains("Parent:   https://north.test:8287", made.Out, StringComparison.Ordinal);
        Assert.Contains("give it with otectl issuing grant north", made.Error, StringComparison.Ordinal);
        var token = (await world.Api.ListAsync(Kinds.JoinTokens, null, null, CtlWorld.Stop)).Items.Single();
        Assert.Equal(("north", true), (token.Text("spec", "issuer"), token.Truth("spec", "autoAccept")));
        Assert.Contains("north", (await world.RunAsync("join-token", "list")).Out, StringComparison.Ordinal);
    }

    private static async Task<CtlWorld> WorldAsync()
    {
        var world = await CtlWorld.StartAsync();
        foreach (var (name, parent) in new[] { ("root", ""), ("north", "root") })
        {
            var cluster = await world.Api.CreateAsync(Kinds.Clusters, null, new JsonObject
            {
                ["apiVersion"] = Kinds.Clusters.ApiVersion,
                ["kind"] = Kinds.Clusters.Kind,
                ["metadata"] = new JsonObject { ["name"] = name },
                ["spec"] = new JsonObject { ["name"] = name, ["uid"] = "u-" + name, ["accepted"] = true },
            }, CtlWorld.Stop);
            cluster["status"] = new JsonObject { ["status"] = "online", ["parentName"] = parent, ["listen"] = name + ".test:8287" };
            await world.Api.ReplaceStatusAsync(Kinds.Clusters, cluster, CtlWorld.Stop);
        }

        return world;
    }
}
