using System.Net;
using Ote.EdgeHub.Upstream;
using Ote.Node;
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
        Assert.StartsWith($"{option}: its value is empty", Assert.Throws<RoleException>(() => EmptyValue.Refuse(EdgeHubCommand.Create().Parse([option, ""]))).Message, StringComparison.Ordinal);

    [Fact]
    public void What_is_not_given_is_not_empty() => EmptyValue.Refuse(EdgeHubCommand.Create().Parse(["--kubeconfig", "f", "--check"]));

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

    [Theory]
    [InlineData("https://ann:secret@10.0.0.1:6443")]
    [InlineData("https://10.0.0.1:6443/?a=b")]
    [InlineData("https://10.0.0.1:6443/#a")]
    [InlineData("http://10.0.0.1:6443")]
    public void A_server_is_an_address_alone_and_what_stands_in_it_for_a_password_is_not_told(string url)
    {
        var message = Assert.Throws<RoleException>(() => HubValues.Address(url)).Message;
        Assert.Contains("write for instance https://10.0.0.1:6443", message, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("0.0.0.0")]
    [InlineData("::")]
    [InlineData("127.0.0.1")]
    [InlineData("224.0.0.1")]
    [InlineData("255.255.255.255")]
    public void What_no_Service_can_have_for_its_address_is_refused(string address) =>
        Assert.Contains("is the address of no Service", Assert.Throws<RoleException>(() => HubValues.Service(address, IPEndPoint.Parse("10.0.0.7:10261"))).Message, StringComparison.Ordinal);
}
