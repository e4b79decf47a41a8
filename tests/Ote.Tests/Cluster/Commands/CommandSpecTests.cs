using System.Text.Json.Nodes;
using Ote.Cluster.Commands;

namespace Ote.Tests.Cluster.Commands;

public sealed class CommandSpecTests
{
    [Fact]
    public void Requester_noted_by_the_embedded_API_is_who_the_command_acts_as()
    {
        var spec = CommandSpec.Read(Noted(), "root", namesRequester: true, out _);

        Assert.Equal("alice", spec!.Command.Requester.User);
        Assert.Equal(["devs", "ops"], spec.Command.Requester.Groups);
    }

    [Fact]
    public void Requester_claimed_on_an_API_that_notes_none_is_not_believed()
    {
        var spec = CommandSpec.Read(Noted(), "root", namesRequester: false, out _);

        Assert.Equal("ote:cluster-controller:root", spec!.Command.Requester.User);
        Assert.Equal(["ote:commanders"], spec.Command.Requester.Groups);
    }

    private static JsonObject Noted() => new()
    {
        ["metadata"] = new JsonObject
        {
            ["name"] = "a",
            ["namespace"] = "default",
            ["generation"] = 1,
            ["annotations"] = new JsonObject { ["ote.baidu.com/requested-by"] = "alice", ["ote.baidu.com/requested-by-groups"] = "devs, ops" },
        },
        ["spec"] = new JsonObject { ["clusterSelector"] = "c1", ["method"] = "GET", ["url"] = "/api" },
    };
}
