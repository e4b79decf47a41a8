using Microsoft.Extensions.Logging.Abstractions;
using Ote.EdgeHub.Upstream;

namespace Ote.Tests.EdgeHub.Upstream;

public sealed class UpstreamServersTests
{
    private static readonly Uri s_a = new("https://a:6443/"), s_b = new("https://b:6443/");
    private readonly UpstreamServers _servers = new([s_a, s_b], NullLogger.Instance);

    [Fact]
    public void A_server_whose_address_has_a_path_is_asked_below_it() =>
        Assert.Equal(new Uri("https://h/k8s/clusters/c-1/readyz"), new Uri(Assert.Single(new UpstreamServers([new Uri("https://h/k8s/clusters/c-1"), new Uri("https://h/k8s/clusters/c-1/")], NullLogger.Instance).All), "readyz"));

    [Fact]
    public void None_is_asked_before_one_has_answered()
    {
        Assert.Null(_servers.Take());
        _servers.Tell(s_b, health => health.Answered());
        Assert.Equal(s_b, _servers.Take());
    }

    [Fact]
    public void The_one_with_the_fewest_requests_under_way_is_next_and_equals_take_turns()
    {
        Up();
        var first = _servers.Take()!;
        var second = _servers.Take()!;
        Assert.NotEqual(first, second);
        _servers.Release(second);
        Assert.Equal(second, _servers.Take());
    }

    [Fact]
    public void One_that_has_just_failed_is_not_asked_again_for_the_same_request()
    {
        Up();
        Assert.Equal(s_b, _servers.Take(but: s_a));
        Assert.Equal(s_b, _servers.Take(but: s_a));
    }

    [Fact]
    public void It_is_told_once_when_the_first_comes_and_once_when_the_last_goes()
    {
        var told = new List<bool>();
        _servers.Changed += told.Add;
        Up();
        _servers.Tell(s_a, _ => ServerHealth.Refused);
        _servers.Tell(s_b, _ => ServerHealth.Refused);
        _servers.Tell(s_b, _ => ServerHealth.Refused);
        Assert.Equal([true, false], told);
    }

    private void Up()
    {
        _servers.Tell(s_a, health => health.Answered());
        _servers.Tell(s_b, health => health.Answered());
    }
}
