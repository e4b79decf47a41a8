using OpenTelemetry.Resources;

namespace Ote.Tests.Roles.Hosting;

public sealed class ObservationTests
{
    [Fact]
    public void Target_info_says_which_program_of_which_version_and_which_one_of_them_it_is()
    {
        var told = Ote.Roles.Hosting.Observation.Describe(ResourceBuilder.CreateDefault(), "north").Build().Attributes.ToDictionary(a => a.Key, a => a.Value);
        Assert.Equal("ote", told["service.name"]);
        Assert.Matches(@"^\d+\.\d+\.\d+$", Assert.IsType<string>(told["service.version"]));
        Assert.Equal($"north@{Environment.MachineName}", told["service.instance.id"]);
    }
}
