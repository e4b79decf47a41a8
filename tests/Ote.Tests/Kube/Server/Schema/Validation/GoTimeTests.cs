using Ote.Kube.Objects;
using Ote.Kube.Server.Schema.Validation;
using Ote.Tests.Kube.Server.Http;

namespace Ote.Tests.Kube.Server.Schema.Validation;

/// <summary>Times are read as strictly, and as leniently, as Go reads them, in its words.</summary>
public sealed class GoTimeTests
{
    private const string Seconds = "\"2006-01-02T15:04:05Z07:00\"";
    private const string Micros = "\"2006-01-02T15:04:05.000000Z07:00\"";

    [Theory]
    [InlineData("2026-01-01T02:00:00Z", false)]
    [InlineData("2026-01-01T02:00:00.5-23:59", false)]
    [InlineData("2026-01-01T02:00:00,123456789123Z", false)]
    [InlineData("2026-01-01T2:00:00Z", false)]
    [InlineData("2024-02-29T02:00:00Z", false)]
    [InlineData("0000-02-29T02:00:00Z", false)]
    [InlineData("2026-01-01T02:00:00.123456Z", true)]
    [InlineData("2026-01-01T02:00:00.123456+01:00", true)]
    public void A_time_is_read(string text, bool micro) => Assert.Null(GoTime.Fault(text, micro));

    [Theory]
    [InlineData("", false, " as " + Seconds + ": cannot parse \"\" as \"2006\"")]
    [InlineData("yesterday", false, " as " + Seconds + ": cannot parse \"yesterday\" as \"2006\"")]
    [InlineData("2026-01-01", false, " as " + Seconds + ": cannot parse \"\" as \"T\"")]
    [InlineData("2026-1-01T02:00:00Z", false, " as " + Seconds + ": cannot parse \"1-01T02:00:00Z\" as \"01\"")]
    [InlineData("2026-01-01T02:00:00", false, " as " + Seconds + ": cannot parse \"\" as \"Z07:00\"")]
    [InlineData("2026-01-01T02:00:0Z", false, " as " + Seconds + ": cannot parse \"0Z\" as \"05\"")]
    [InlineData("2026-01-01T02:00:00.Z", false, " as " + Seconds + ": cannot parse \".Z\" as \"Z07:00\"")]
    [InlineData("2026-01-01T02:00:00+0200", false, " as " + Seconds + ": cannot parse \"+0200\" as \"Z07:00\"")]
    [InlineData("2026-01-01T02:00:00Zz", false, ": extra text: \"z\"")]
    [InlineData("2026-13-01T02:00:00Z", false, ": month out of range")]
    [InlineData("2026-02-29T02:00:00Z", false, ": day out of range")]
    [InlineData("2026-02-20T24:00:00Z", false, ": hour out of range")]
    [InlineData("2026-02-20T02:60:00Z", false, ": minute out of range")]
    [InlineData("2026-02-20T02:00:60Z", false, ": second out of range")]
    [InlineData("2026-02-20T02:00:00+25:00", false, ": time zone offset hour out of range")]
    [InlineData("2026-01-01T02:00:00Z", true, " as " + Micros + ": cannot parse \"Z\" as \".000000\"")]
    [InlineData("2026-01-01T02:00:00.123Z", true, " as " + Micros + ": cannot parse \".123Z\" as \".000000\"")]
    [InlineData("2026-01-01T02:00:00.123456789Z", true, " as " + Micros + ": cannot parse \"789Z\" as \"Z07:00\"")]
    public void What_is_none_is_told_in_the_decoders_words(string text, bool micro, string complaint) => Assert.Equal($"parsing time \"{text}\"{complaint}", GoTime.Fault(text, micro));

    [Fact]
    public async Task A_lease_whose_time_is_not_in_microseconds_is_refused_and_an_event_in_seconds_is_not()
    {
        await using var api = await ApiServerFixture.StartAsync();
        const string Leases = "apis/coordination.k8s.io/v1/namespaces/default/leases";
        var (code, refused) = await api.SendAsync(HttpMethod.Post, Leases, """{"metadata":{"name":"l"},"spec":{"renewTime":"2026-01-01T02:00:00Z"}}""");
        Assert.Equal(
            (400, "Lease in version \"v1\" cannot be handled as a Lease: parsing time \"2026-01-01T02:00:00Z\" as " + Micros + ": cannot parse \"Z\" as \".000000\""),
            (code, refused.Text("message")));
        Assert.Equal(201, (await api.SendAsync(HttpMethod.Post, Leases, """{"metadata":{"name":"l"},"spec":{"renewTime":"2026-01-01T02:00:00.000001Z"}}""")).Code);
        Assert.Equal(400, (await api.SendAsync(HttpMethod.Patch, $"{Leases}/l", """{"spec":{"renewTime":"2026-01-01T02:00:00.1Z"}}""", "application/merge-patch+json")).Code);
        Assert.Equal(201, (await api.SendAsync(
            HttpMethod.Post, "api/v1/namespaces/default/events", """{"metadata":{"name":"e"},"involvedObject":{"namespace":"default"},"firstTimestamp":"2026-01-01T02:00:00Z"}""")).Code);
    }
}
