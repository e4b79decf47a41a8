using System.Net;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Time.Testing;
using Ote.Kube.Server.Aggregation;

namespace Ote.Tests.Kube.Server.Aggregation;

public sealed class FrontProxyTrustTests : IDisposable
{
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 11, 1, 0, 0, 0, TimeSpan.Zero));
    private readonly FrontProxy _front;

    public FrontProxyTrustTests() => _front = new FrontProxy(_time);

    public void Dispose() => _front.Dispose();

    [Fact]
    public void Believes_its_own_clients_of_an_allowed_name_while_they_are_valid_and_nobody_else()
    {
        var trust = FrontProxyTrust.Parse(_front.Published(), out _)!;
        using var allowed = _front.Certificate();
        using var other = _front.Certificate("somebody");
        using var stranger = new FrontProxy(_time);
        using var foreign = stranger.Certificate();
        using var server = FrontProxy.Load(_front.Authority.IssueServer("front-proxy-client", ["front-proxy-client"], [IPAddress.Loopback]));
        Assert.Equal(
            [true, false, false, false, false],
            new[] { (allowed, 0), (other, 0), (foreign, 0), (server, 0), (allowed, 25) }.Select(c => trust.Believes(c.Item1, _time.GetUtcNow().AddHours(c.Item2))));
        Assert.True(FrontProxyTrust.Parse(_front.Published("[]"), out _)!.Believes(other, _time.GetUtcNow()));
    }

    [Theory]
    [InlineData(null, "no requestheader-client-ca-file")]
    [InlineData("nonsense", "has no certificate")]
    public void Says_why_nobody_is_believed(string? authority, string cause)
    {
        var map = _front.Published();
        map["data"]!["requestheader-client-ca-file"] = authority;
        Assert.Null(FrontProxyTrust.Parse(map, out var fault));
        Assert.Contains(cause, fault, StringComparison.Ordinal);
        Assert.Null(FrontProxyTrust.Parse(null, out fault));
        Assert.Equal("it is not there", fault);
        map = _front.Published("not JSON");
        Assert.Null(FrontProxyTrust.Parse(map, out fault));
        Assert.Contains("cannot be read", fault, StringComparison.Ordinal);
    }

    [Fact]
    public void Reads_a_user_and_leaves_nothing_in_the_request_that_says_who_somebody_is()
    {
        var trust = FrontProxyTrust.Parse(_front.Published(), out _)!;
        var headers = new HeaderDictionary
        {
            ["X-Remote-User"] = "ann",
            ["x-remote-group"] = new(["devs", "system:authenticated"]),
            ["X-Remote-Extra-Example.com%2fScopes"] = new(["a", "b"]),
            ["Impersonate-User"] = "root",
            ["Impersonate-Extra-x"] = "y",
            ["Authorization"] = "Bearer stolen",
            ["Accept"] = "application/json",
        };
        var user = FrontProxyUser.Take(headers, trust)!;
        Assert.Equal(("ann", "devs,system:authenticated"), (user.Name, string.Join(',', user.Groups)));
        Assert.Equal(["a", "b"], user.Extra["example.com/scopes"]);
        Assert.Equal(["Accept"], headers.Keys);
        Assert.Null(FrontProxyUser.Take(headers, trust));
    }
}
