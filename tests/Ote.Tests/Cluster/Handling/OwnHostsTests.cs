using System.Net;
using Ote.Cluster.Handling;

namespace Ote.Tests.Cluster.Handling;

public sealed class OwnHostsTests
{
    [Theory]
    [InlineData("c1", null, null, "")]
    [InlineData("north", "192.0.2.1:8287", null, "localhost 127.0.0.1 ::1 192.0.2.1")]
    [InlineData("north", "192.0.2.1:8287", "north.example.org:8287", "localhost 127.0.0.1 ::1 north.example.org 192.0.2.1")]
    [InlineData("north", "0.0.0.0:8287", "north.example.org:8287", "localhost 127.0.0.1 ::1 north.example.org")]
    [InlineData("north", "[::]:8287", "[2001:db8::1]:8287", "localhost 127.0.0.1 ::1 2001:db8::1")]
    public void Controller_asks_for_what_its_children_dial(string name, string? listen, string? advertise, string hosts) =>
        Assert.Equal(hosts, string.Join(' ', OwnHosts.Of(Options(name, listen, advertise))));

    [Fact]
    public void Whole_machine_is_asked_for_only_when_nothing_more_exact_was_said()
    {
        var machine = Dns.GetHostName().ToLowerInvariant();
        Assert.Contains(machine, OwnHosts.Of(Options("north", "0.0.0.0:8287", null)));
        Assert.Contains(machine, OwnHosts.Of(Options("root", "0.0.0.0:8287", "root.example.org:8287")));
    }

    [Fact]
    public void Life_and_grace_out_of_range_are_told_with_the_option()
    {
        var faults = (Options("root", "192.0.2.1:1", null) with { CertificateLife = TimeSpan.FromMinutes(9), RenewalGrace = TimeSpan.FromDays(4000) }).Faults();
        Assert.Contains(faults, f => f.StartsWith("--certificate-life:", StringComparison.Ordinal));
        Assert.Contains(faults, f => f.StartsWith("--renewal-grace:", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("c1", null)]
    [InlineData("root", null)]
    [InlineData("My cluster", "--name: cluster name 'My cluster' has 'M' at position 0")]
    [InlineData("phase", "--name: cluster name 'phase' is reserved")]
    public void A_name_that_no_parent_would_take_is_told_before_any_is_asked(string name, string? said)
    {
        var fault = Options(name, "192.0.2.1:1", null).Faults().SingleOrDefault();
        Assert.True(said is null ? fault is null : fault!.StartsWith(said, StringComparison.Ordinal), fault);
    }

    private static ClusterControllerOptions Options(string name, string? listen, string? advertise) => new()
    {
        Name = name,
        DataDirectory = "unused",
        Parent = name == "root" ? null : new Uri("https://root.example.org:8287"),
        Listen = listen is null ? null : IPEndPoint.Parse(listen),
        Advertise = advertise,
    };
}
