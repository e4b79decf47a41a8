using Ote.Cluster.Identity;

namespace Ote.Tests.Cluster.Identity;

public sealed class HostPolicyTests
{
    private static readonly Dictionary<string, string> Holders = new(StringComparer.Ordinal)
    {
        ["root.example.org"] = "root", ["203.0.113.7"] = "root", ["10.0.0.5"] = "north", ["gateway"] = "north", ["mine.example.org"] = "c1",
    };

    [Theory]
    [InlineData("localhost 127.0.0.1 ::1", "", "localhost 127.0.0.1 ::1", "")]
    [InlineData("127.0.0.1 c1.example.org", "", "127.0.0.1 c1.example.org", "c1.example.org")]
    [InlineData("C1.Example.ORG c1.example.org", "", "c1.example.org", "c1.example.org")]
    [InlineData("mine.example.org", "", "mine.example.org", "mine.example.org")]
    [InlineData("root.example.org", "root.example.org", "root.example.org", "root.example.org")]
    [InlineData("198.51.100.9 2001:DB8::9", "", "198.51.100.9 2001:db8::9", "198.51.100.9 2001:db8::9")]
    [InlineData("10.0.0.5 10.0.0.6", "", "10.0.0.6", "10.0.0.6")]
    [InlineData("gateway 127.0.0.1", "", "127.0.0.1", "")]
    [InlineData("", "", "", "")]
    public void Hosts_are_granted_when_nobody_else_holds_them(string asked, string own, string granted, string held)
    {
        HostVerdict verdict = Judge(asked, own);
        Assert.Null(verdict.Refusal);
        Assert.Equal(granted, string.Join(' ', verdict.Granted));
        Assert.Equal(held, string.Join(' ', verdict.Held));
    }

    [Theory]
    [InlineData("root.example.org", "the host root.example.org is held by cluster root")]
    [InlineData("ROOT.example.org", "the host root.example.org is held by cluster root")]
    [InlineData("127.0.0.1 203.0.113.7", "held by cluster root")]
    [InlineData("::ffff:203.0.113.7", "held by cluster root")]
    [InlineData("*.example.org", "wildcards are not certified")]
    [InlineData("a..b", "no DNS name")]
    [InlineData("c1.example.org/x", "no DNS name")]
    [InlineData("0.0.0.0", "no address of one machine")]
    [InlineData("224.0.0.1", "no address of one machine")]
    [InlineData("ff02::1", "no address of one machine")]
    public void Hosts_of_another_and_hosts_that_are_none_are_refused_with_the_reason(string asked, string reason)
    {
        HostVerdict verdict = Judge(asked, "");
        Assert.Contains(reason, verdict.Refusal, StringComparison.Ordinal);
        Assert.Empty(verdict.Granted);
    }

    [Fact]
    public void Private_address_of_another_site_is_withheld_and_named()
    {
        HostVerdict verdict = Judge("10.0.0.5 172.20.1.1 100.70.0.1", "");
        Assert.Equal(["10.0.0.5 is held by cluster north"], verdict.Withheld);
        Assert.Equal(["172.20.1.1", "100.70.0.1"], verdict.Granted);
    }

    [Fact]
    public void Nobody_is_asked_about_loopback_and_about_what_is_recorded()
    {
        Assert.False(HostPolicy.NeedsHolders(["127.0.0.1", "LocalHost", "A.example.org"], ["a.example.org"]));
        Assert.True(HostPolicy.NeedsHolders(["b.example.org"], ["a.example.org"]));
    }

    private static HostVerdict Judge(string asked, string own) =>
        HostPolicy.Judge("c1", asked.Split(' ', StringSplitOptions.RemoveEmptyEntries), own.Split(' '), Holders.GetValueOrDefault);
}
