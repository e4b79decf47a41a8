using System.CommandLine;
using System.Text.Json.Nodes;
using Ote.Roles.EdgeController;
using Ote.Roles.Hosting;

namespace Ote.Tests.Roles.EdgeController;

public sealed class EdgeControllerNodesTests
{
    [Theory]
    [InlineData("""{"pool":"shop"}""", true)]
    [InlineData("""{"pool":"yard"}""", false)]
    [InlineData("""{"pool":"yard","edge":"yes"}""", true)] // any of the selectors is enough
    [InlineData("{}", false)]
    public void Nodes_are_chosen_by_any_of_the_selectors(string labels, bool chosen) =>
        Assert.Equal(chosen, Read("--nodes", "pool in (shop,hall),!spare", "--nodes", "edge")!(JsonNode.Parse(labels) as JsonObject));

    [Fact]
    public void Without_a_selector_none_is_chosen() => Assert.Null(Read());

    [Theory]
    [InlineData("pool in (", "--nodes: 'pool in (' is no label selector: ")]
    [InlineData("=x", "--nodes: '=x' is no label selector: ")]
    [InlineData("", "--nodes: '' names no label; write for instance pool=shop")]
    public async Task A_selector_that_cannot_be_read_is_one_line_and_exit_code_2(string selector, string said)
    {
        var message = Assert.Throws<RoleException>(() => Read("--nodes", selector)).Message;
        Assert.Contains(said, message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', message);
        Assert.Equal(2, await EdgeControllerCommand.Create().Parse(["--kubeconfig", "/nowhere", "--nodes", selector]).InvokeAsync(cancellationToken: TestContext.Current.CancellationToken));
    }

    private static Func<JsonObject?, bool>? Read(params string[] typed)
    {
        var nodes = new EdgeControllerNodes();
        var command = new Command("edge-controller");
        nodes.AddTo(command);
        return nodes.Read(command.Parse(typed));
    }
}
