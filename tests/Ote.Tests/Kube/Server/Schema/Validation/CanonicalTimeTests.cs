using Ote.Kube.Objects;
using Ote.Kube.Server.Schema.Validation;
using Ote.Tests.Kube.Server.Http;

namespace Ote.Tests.Kube.Server.Schema.Validation;

/// <summary>The same moment is the same text, whoever wrote it.</summary>
public sealed class CanonicalTimeTests
{
    [Theory]
    [InlineData("2026-01-01T02:00:00Z", false, "2026-01-01T02:00:00Z")]
    [InlineData("2026-01-01T02:00:00+02:00", false, "2026-01-01T00:00:00Z")]
    [InlineData("2026-01-01T02:00:00.999Z", false, "2026-01-01T02:00:00Z")]
    [InlineData("2026-01-01T02:00:00.123456-01:30", true, "2026-01-01T03:30:00.123456Z")]
    [InlineData("2026-01-01T02:00:00.123456789Z", true, "2026-01-01T02:00:00.123456Z")]
    [InlineData("2026-01-01T02:00:00Z", true, "2026-01-01T02:00:00.000000Z")]
    [InlineData("2026-01-01T02:00:00", false, null)]
    [InlineData("2026-01-01T02:00:00 +02:00", false, null)]
    [InlineData("2026-01-01", false, null)]
    [InlineData("", false, null)]
    [InlineData("yesterday", true, null)]
    public void Moment_is_written_in_UTC(string text, bool micro, string? expected) => Assert.Equal(expected, CanonicalTime.Of(text, micro));

    [Fact]
    public async Task Times_of_an_object_are_stored_in_UTC_in_the_precision_of_their_field()
    {
        await using var api = await ApiServerFixture.StartAsync();
        var (_, lease) = await api.SendAsync(
            HttpMethod.Post, "apis/coordination.k8s.io/v1/namespaces/default/leases", """{"metadata":{"name":"l"},"spec":{"renewTime":"2026-01-01T02:00:00.123456+02:00"}}""");
        var (_, seen) = await api.SendAsync(
            HttpMethod.Post, "api/v1/namespaces/default/events", """{"metadata":{"name":"e"},"involvedObject":{"namespace":"default"},"firstTimestamp":"2026-01-01T02:00:00.5+02:00"}""");
        Assert.Equal(("2026-01-01T00:00:00.123456Z", "2026-01-01T00:00:00Z"), (lease.Text("spec", "renewTime"), seen.Text("firstTimestamp")));
    }
}
