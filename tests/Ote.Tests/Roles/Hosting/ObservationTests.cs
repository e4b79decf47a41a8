using System.Net;
using Microsoft.Extensions.Logging;
using OpenTelemetry.Resources;
using Ote.Roles.Hosting;

namespace Ote.Tests.Roles.Hosting;

public sealed class ObservationTests
{
    [Fact]
    public async Task An_address_that_this_machine_has_not_is_told_in_one_line()
    {
        using var host = new RoleHost(LogLevel.None, json: false);
        var refused = await Assert.ThrowsAsync<RoleException>(() => Ote.Roles.Hosting.Observation.StartAsync(IPEndPoint.Parse("192.0.2.1:9287"), host, "north", () => null)); // for documentation (RFC 5737)
        Assert.StartsWith("--observe: 192.0.2.1:9287 cannot be listened at", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Target_info_says_which_program_of_which_version_and_which_one_of_them_it_is()
    {
        var told = Ote.Roles.Hosting.Observation.Describe(ResourceBuilder.CreateDefault(), "north").Build().Attributes.ToDictionary(a => a.Key, a => a.Value);
        Assert.Equal("ote", told["service.name"]);
        Assert.Matches(@"^\d+\.\d+\.\d+$", Assert.IsType<string>(told["service.version"]));
        Assert.Equal($"north@{Environment.MachineName}", told["service.instance.id"]);
    }
}
