using System.Text.Json.Nodes;
using Ote.Ctl.Commands;

namespace Ote.Tests.Ctl.Commands;

public sealed class OutcomeTests
{
    [Theory]
    [InlineData(403, "give that user or group the right at c1, by a RoleBinding or ClusterRoleBinding made with its own kubeconfig")]
    [InlineData(401, "the shim's user is not known there: correct the kubeconfig of the shim of c1")]
    public void What_a_clusters_own_api_does_not_allow_is_told_with_what_helps(int code, string next)
    {
        var item = new JsonObject { ["cluster"] = "c1", ["code"] = code, ["body"] = """{"kind":"Status","message":"pods is forbidden: User \"ann\" cannot list"}""" };
        Assert.Equal($"pods is forbidden: User \"ann\" cannot list; {next}", Outcome.From(item).Describe());
    }

    [Fact]
    public void What_was_refused_on_the_way_keeps_its_own_next_step()
    {
        var item = new JsonObject { ["cluster"] = "c1", ["code"] = 403, ["error"] = "NotAllowed", ["text"] = "none of the policies allows it; ask who keeps them" };
        Assert.Equal("NotAllowed: none of the policies allows it; ask who keeps them", Outcome.From(item).Describe());
    }
}
