using System.Net;
using System.Text.Json.Nodes;
using Ote.EdgeHub.Upstream;

namespace Ote.Tests.EdgeHub.Upstream;

public sealed class ServerListTests
{
    private static readonly Uri s_named = new("https://api.example:6443/");
    private static readonly IPEndPoint s_hub = new(IPAddress.Parse("10.1.2.3"), 10261);

    [Fact]
    public void Endpoints_tell_of_each_ready_address_by_the_port_that_is_called_https() => Assert.Equal(
        ["https://10.0.0.1:6443/", "https://10.0.0.2:6443/", "https://[fd00::3]:8443/"],
        Read("""
            [{"addresses":[{"ip":"10.0.0.1"},{"ip":"10.0.0.2"}],"notReadyAddresses":[{"ip":"10.0.0.9"}],"ports":[{"name":"other","port":1},{"name":"https","port":6443}]},
             {"addresses":[{"ip":"fd00::3"}],"ports":[{"port":8443}]}]
            """));

    [Theory]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("""[{"notReadyAddresses":[{"ip":"10.0.0.9"}],"ports":[{"name":"https","port":6443}]}]""")]
    [InlineData("""[{"addresses":[{"ip":"10.0.0.1"}]}]""")]
    [InlineData("""[{"addresses":[{"ip":"10.0.0.1"}],"ports":[{"name":"https","port":0}]}]""")]
    [InlineData("""[{"addresses":[{"ip":"api.example"},{}],"ports":[{"name":"https","port":6443}]}]""")]
    [InlineData("""[{"addresses":[{"ip":"10.1.2.3"},{"ip":"127.0.0.1"}],"ports":[{"name":"https","port":10261}]}]""")]
    public void Endpoints_that_name_none_or_the_hub_alone_tell_of_none(string subsets) => Assert.Empty(Read(subsets));

    [Fact]
    [Trait("Defect", "E13")]
    public void Hub_itself_is_never_a_server_and_what_has_its_address_and_another_port_is_one() => Assert.Equal(
        ["https://10.1.2.3:6443/", "https://10.0.0.2:10261/"],
        Read("""[{"addresses":[{"ip":"10.1.2.3"}],"ports":[{"port":6443}]},{"addresses":[{"ip":"10.1.2.3"},{"ip":"10.0.0.2"}],"ports":[{"port":10261}]}]"""));

    [Fact]
    public void Those_that_were_named_come_first_and_each_is_there_once()
    {
        Uri one = new("https://10.0.0.1:6443/"), two = new("https://10.0.0.2:6443/");
        Assert.Equal([s_named, two, one], ServerList.Of([s_named, two], [one, two]));
    }

    [Fact]
    public void There_are_sixteen_at_most_and_all_that_were_named()
    {
        Uri[] many = [.. Enumerable.Range(1, 20).Select(i => new Uri($"https://10.0.0.{i}:6443/"))];
        Assert.Equal([s_named, .. many[..15]], ServerList.Of([s_named], many));
        Assert.Equal(many, ServerList.Of(many, [s_named]));
    }

    [Fact]
    public void What_is_remembered_is_what_was_written_and_what_cannot_be_read_is_left_out()
    {
        Uri[] servers = [new("https://10.0.0.1:6443/"), new("https://[fd00::3]:8443/")];
        Assert.Equal(servers, ServerList.Parse(ServerList.Written(servers)));
        Assert.Equal(servers, ServerList.Parse("https://10.0.0.1:6443/\nhttp://10.0.0.2/\n\n://\nhttps://[fd00::3]:8443/"));
    }

    private static string[] Read(string subsets) => [.. ServerList.Read(new JsonObject { ["subsets"] = JsonNode.Parse(subsets) }, [s_hub]).Select(server => server.ToString())];
}
