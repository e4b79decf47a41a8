using Microsoft.Extensions.Logging.Abstractions;
using Ote.EdgeHub.Upstream;

namespace Ote.Tests.EdgeHub.Upstream;

public sealed class UpstreamServersTests
{
    private static readonly Uri s_a = new("https://a:6443/"), s_b = new("https://b:6443/"), s_c = new("https://c:6443/"), s_d = new("https://d:6443/");
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

    [Fact]
    public void One_that_is_discovered_is_asked_once_it_has_answered_and_one_that_was_named_stays()
    {
        Up();
        _servers.Become([s_c]);
        Assert.Equal([s_a, s_b, s_c], _servers.All);
        _servers.Tell(s_c, health => health.Answered());
        Assert.Equal(3, Enumerable.Range(0, 3).Select(_ => _servers.Take()).Distinct().Count());
    }

    [Fact]
    public void One_that_is_not_listed_any_more_is_asked_for_nothing_new_and_what_runs_there_goes_on_until_it_ends()
    {
        Up();
        _servers.Become([s_c]);
        _servers.Tell(s_c, health => health.Answered());
        Uri[] taken = [.. Enumerable.Range(0, 3).Select(_ => _servers.Take()!)];
        Assert.Contains(s_c, taken);
        foreach (var other in taken.Where(server => server != s_c))
        {
            _servers.Release(other);
        }

        _servers.Become([s_d]);

        Assert.Equal([s_a, s_b, s_d, s_c], _servers.All);
        Assert.DoesNotContain(s_c, Enumerable.Range(0, 6).Select(_ => _servers.Take()));
        var changes = 0;
        _servers.Listed += () => changes++;
        _servers.Release(s_c);
        Assert.Equal([s_a, s_b, s_d], _servers.All);
        Assert.Equal(1, changes);
    }

    [Fact]
    public void What_runs_on_one_that_is_not_listed_any_more_is_not_given_up_until_that_server_dies()
    {
        Up();
        _servers.Become([s_c]);
        _servers.Tell(s_c, health => health.Answered());
        var left = Enumerable.Range(0, 3).Select(_ => (Server: _servers.TakeUntilLeft(null, out var left), Left: left)).Single(taken => taken.Server == s_c).Left;
        _servers.Become([s_d]);
        Assert.False(left.IsCancellationRequested);
        _servers.Tell(s_c, _ => ServerHealth.Refused);
        Assert.True(left.IsCancellationRequested);
    }

    [Fact]
    public void The_last_that_is_up_is_asked_though_it_is_not_listed_any_more_until_another_has_come_up()
    {
        var told = new List<bool>();
        _servers.Changed += told.Add;
        _servers.Become([s_c]);
        _servers.Tell(s_c, health => health.Answered());
        _servers.Become([s_d]);
        Assert.Equal(s_c, _servers.Take());
        _servers.Release(s_c);
        _servers.Tell(s_d, health => health.Answered());
        Assert.Equal(s_d, _servers.Take());
        Assert.Equal([s_a, s_b, s_d], _servers.All);
        Assert.Equal([true], told);
    }

    [Fact]
    public void One_that_is_listed_again_while_something_runs_there_is_the_same_server()
    {
        Up();
        _servers.Become([s_c]);
        _servers.Tell(s_c, health => health.Answered());
        var left = Enumerable.Range(0, 3).Select(_ => (Server: _servers.TakeUntilLeft(null, out var left), Left: left)).Single(taken => taken.Server == s_c).Left;
        _servers.Become([s_d]);
        _servers.Become([s_c]);
        Assert.Equal([s_a, s_b, s_c], _servers.All);
        _servers.Release(s_c);
        Assert.Equal(s_c, _servers.Take());
        Assert.False(left.IsCancellationRequested);
    }

    [Fact]
    public void What_a_probe_says_of_one_that_has_gone_is_nothing()
    {
        _servers.Become([s_c]);
        _servers.Become([s_d]);
        _servers.Tell(s_c, health => health.Answered());
        Assert.False(_servers.AnyUp);
        Assert.Equal([s_a, s_b, s_d], _servers.All);
    }

    private void Up()
    {
        _servers.Tell(s_a, health => health.Answered());
        _servers.Tell(s_b, health => health.Answered());
    }
}
