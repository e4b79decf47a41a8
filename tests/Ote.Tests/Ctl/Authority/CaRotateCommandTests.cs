using System.Text.Json.Nodes;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Tests.Cluster.Handling;

namespace Ote.Tests.Ctl.Authority;

public sealed class CaRotateCommandTests
{
    private const string Name = "ote-ca-rollover";

    [Theory]
    [InlineData("start", false, "started: go", 0)]
    [InlineData("finish", true, "finished: gone", 0)]
    [InlineData("abort", false, "refused: not now", 1)]
    public async Task Wish_is_written_with_an_id_and_its_answer_decides_over_the_exit_code(string wish, bool force, string answer, int code)
    {
        await using var world = await RootAsync();
        Assert.Equal("the tree's CA has never been exchanged\n", (await world.RunAsync("ca", "rotate", "status")).Out);
        var asking = world.RunAsync(["ca", "rotate", wish, .. force ? new[] { "--force" } : []]);
        var written = await AnswerAsync(world, answer);
        while (!asking.IsCompleted)
        {
            // Virtual time must not outrun the requests under way: a step takes a real millisecond.
            world.Time.Advance(TimeSpan.FromMilliseconds(20));
            await Task.WhenAny(asking, Task.Delay(TimeSpan.FromMilliseconds(1), TimeProvider.System, CtlWorld.Stop));
        }

        var result = await asking;
        Assert.Equal((code, code == 0 ? answer + "\n" : $"error: {answer}\n"), (result.Code, code == 0 ? result.Out : result.Error));
        Assert.Equal((wish, force ? "true" : "false", 16), (written.Text("wish"), written.Text("force"), written.Text("request")!.Length));
    }

    [Fact]
    public async Task Status_says_how_many_trust_both_how_many_are_on_the_new_one_and_who_is_not()
    {
        await using var world = await RootAsync();
        await world.Api.CreateAsync(Kinds.ConfigMaps, "ote-system", new JsonObject
        {
            ["apiVersion"] = "v1",
            ["kind"] = "ConfigMap",
            ["metadata"] = new JsonObject { ["name"] = Name, ["namespace"] = "ote-system" },
            ["data"] = new JsonObject
            {
                ["phase"] = "Renewing", ["issuing"] = "sha256:b", ["other"] = "sha256:a", ["clusters"] = "3", ["trusting"] = "3", ["notTrusting"] = "none", ["renewed"] = "2", ["notRenewed"] = "c2",
            },
        }, CtlWorld.Stop);
        Assert.Equal(
            "phase     Renewing\nissuing   sha256:b\nother     sha256:a\ntrusting  3 of 3 trust both; not yet: none\nrenewed   2 of 3 on the issuing CA; not yet: c2\n"
            + "next      wait until all are renewed, then otectl ca rotate finish; with --force it leaves the others behind, and abort turns round\n",
            (await world.RunAsync("ca", "rotate", "status")).Out);
        await NextAsync("Renewing", "none", "next      otectl ca rotate finish: all are on the issuing CA\n");
        await NextAsync("Trusting", "c2", "next      it goes on by itself when all trust both; otectl ca rotate continue does not wait for those that do not\n");

        async Task NextAsync(string phase, string notRenewed, string next)
        {
            await world.Api.PatchAsync(
                Kinds.ConfigMaps, "ote-system", Name, PatchKind.Merge, new JsonObject { ["data"] = new JsonObject { ["phase"] = phase, ["notRenewed"] = notRenewed } }, CtlWorld.Stop);
            Assert.EndsWith(next, (await world.RunAsync("ca", "rotate", "status")).Out, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Api_that_is_not_the_roots_is_refused()
    {
        await using var world = await CtlWorld.StartAsync();
        await world.AddClusterAsync("north", null, path: ["root", "north"]);
        Assert.Contains("is not the root's, which alone holds the CA", (await world.RunAsync("ca", "rotate", "start")).Error, StringComparison.Ordinal);
    }

    private static async Task<CtlWorld> RootAsync()
    {
        var world = await CtlWorld.StartAsync();
        await world.AddClusterAsync("root", null, path: ["root"]);
        return world;
    }

    /// <summary>Plays the root's part.</summary>
    private static async Task<JsonNode> AnswerAsync(CtlWorld world, string answer)
    {
        var map = await SmallTree.UntilAsync(world.Api, Kinds.ConfigMaps, "ote-system", Name, m => m.Text("data", "request") is not null, CtlWorld.Stop);
        var told = new JsonObject { ["data"] = new JsonObject { ["answered"] = map.Text("data", "request"), ["answer"] = answer } };
        await world.Api.PatchAsync(Kinds.ConfigMaps, "ote-system", Name, PatchKind.Merge, told, CtlWorld.Stop);
        return map["data"]!;
    }
}
