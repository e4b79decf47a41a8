using System.Net;
using Ote.EdgeHub.Upstream;
using Ote.Node.EdgeHub;
using Ote.Roles.Hosting;

namespace Ote.Tests.Node.EdgeHub;

public sealed class HubValuesTests
{
    [Theory]
    [InlineData("n1")]
    [InlineData("ip-10-0-0-7.eu-west-1.compute.internal")]
    public void A_nodes_name_is_taken_as_Kubernetes_has_it(string name) => Assert.Equal(name, HubValues.Named(name));

    [Theory]
    [InlineData("least-pending", Balance.LeastPending)]
    [InlineData("round-robin", Balance.RoundRobin)]
    [InlineData("priority", Balance.Priority)]
    public void Balance_is_said_by_a_word(string word, Balance balance) => Assert.Equal(balance, HubValues.BalanceBy(word));

    [Fact]
    public void Another_word_is_refused_in_one_line_with_those_there_are() =>
        Assert.Equal("--balance: 'random' is none of least-pending, round-robin and priority; give one of them", Assert.Throws<RoleException>(() => HubValues.BalanceBy("random")).Message);

    [Theory]
    [InlineData("--data")]
    [InlineData("--client-ca-file")]
    [InlineData("--k3s-agent")]
    [InlineData("--kubeconfig")]
    [InlineData("--write-kubeconfigs")]
    public void An_empty_value_is_that_of_a_variable_that_is_not_set_and_is_named(string option) =>
        Assert.StartsWith($"{option}: its value is empty", Assert.Throws<RoleException>(() => HubValues.RefuseEmpty(EdgeHubCommand.Create().Parse([option, ""]))).Message, StringComparison.Ordinal);

    [Fact]
    public void What_is_not_given_is_not_empty() => HubValues.RefuseEmpty(EdgeHubCommand.Create().Parse(["--kubeconfig", "f", "--check"]));

    [Theory]
    [InlineData("")]
    [InlineData("N1")]
    [InlineData("my node")]
    [InlineData("-n")]
    [InlineData("a..b")]
    [InlineData("a_b")]
    public void Another_is_refused_with_where_the_right_one_stands(string name) =>
        Assert.Contains("kubectl get nodes", Assert.Throws<RoleException>(() => HubValues.Named(name)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("0.0.0.0:10261")]
    [InlineData("[::]:10261")]
    [InlineData("10.0.0.7:0")]
    public void What_is_no_place_that_another_node_could_ask_is_not_advertised(string advertise) =>
        Assert.Contains("give the node's own address", Assert.Throws<RoleException>(() => HubValues.Reached(IPEndPoint.Parse(advertise))).Message, StringComparison.Ordinal);
}
