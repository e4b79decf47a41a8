using Ote.Conformance.Comparing;

namespace Ote.Tests.Conformance;

public sealed class NormaliserTests
{
    private static readonly LaneFacts s_lane = new(
        "https://127.0.0.1:6443", "/tmp/lane", new DateTimeOffset(2026, 5, 1, 12, 0, 0, TimeSpan.Zero), new DateTimeOffset(2026, 5, 1, 12, 2, 0, TimeSpan.Zero));

    /// <summary>Rule by rule: what it takes out, and beside it what looks alike and stays.</summary>
    [Theory]
    [InlineData("server address", "at https://127.0.0.1:6443/api and https://127.0.0.1:6444", "at https://SERVER/api and https://127.0.0.1:6444")]
    [InlineData("folders", "/tmp/lane/edit/x /tmp/other/x", "FOLDER/edit/x /tmp/other/x")]
    [InlineData("temporary files", "kubectl-edit-jjjgo.yaml LIVE-12 LIFE-12", "kubectl-edit-NUMBER.yaml LIVE-NUMBER LIFE-12")]
    [InlineData("uids", "9f1c2d3e-0000-4a5b-8c7d-112233445566 9f1c2d3e-0000", "UID 9f1c2d3e-0000")]
    [InlineData("resource versions", "resourceVersion: \"12\"\nresourceVersion: \"0\"\ngeneration: 12", "resourceVersion: \"NUMBER\"\nresourceVersion: \"0\"\ngeneration: 12")]
    [InlineData("resource versions", """{\"resourceVersion\":\"350\"}""", """{\"resourceVersion\":\"NUMBER\"}""")]
    [InlineData("moments of the run", "2026-05-01T12:01:00Z 2026-05-01T12:01:00.123456Z 2020-01-01T00:00:00Z", "MOMENT MOMENT 2020-01-01T00:00:00Z")]
    [InlineData("moments of the run", "Fri, 01 May 2026 12:01:00 +0000, Fri May  1 12:01:00 2026, 2026-05-01 12:01:00.123456789 +0000 UTC", "MOMENT, MOMENT, MOMENT")]
    [InlineData("order of a refusal's causes", "invalid:\n* b: wrong\n* a: wrong\nend", "invalid:\n* a: wrong\n* b: wrong\nend")]
    [InlineData("watches that the client itself gave up", "a\nI0501 12:01:00.123456   4711 reflector.go:578] \"Warning: watch ended with error\" err=\"unable to decode: context canceled\"\nb", "a\nb")]
    [InlineData("log lines' times", "E0501 12:01:00.123456   4711 memcache.go:265] oh", "E memcache.go:265] oh")]
    [InlineData("cluster addresses", "10.96.7.9 10.96.0.77 10.97.7.9", "CLUSTER-IP 10.96.0.77 10.97.7.9")]
    [InlineData("memory addresses", "(*string)(0xc0092d7818) 0xff", "(*string)(0xADDRESS) 0xff")]
    [InlineData("node ports", "80:31234/TCP nodePort: 30001 port: 31234", "80:NODE-PORT/TCP nodePort: NODE-PORT port: 31234")]
    [InlineData("generated names", "gen-config-x7k2p other-x7k2p", "gen-config-SUFFIX other-x7k2p")]
    [InlineData("order of JSON fields", "{\"b\":[2,1],\"a\":1}", "{\n  \"a\": 1,\n  \"b\": [\n    2,\n    1\n  ]\n}\n")]
    [InlineData("ages", "NAME   AGE   NODES\nweb    9s    3\nold    <unknown>   3\n\n7s", "NAME  AGE  NODES\nweb  AGE  3\nold  <unknown>  3\n\n7s")]
    [InlineData("ages", "Age:      5m3s\nSize: 5m", "Age:      AGE\nSize: 5m")]
    [InlineData("ages", "  Type    Reason  Age                From    Message\n  Normal  Pulled  5s (x2 over 10s)   x       ok", "  Type  Reason  Age  From  Message\n  Normal  Pulled  AGE  x  ok")]
    public void Rule_takes_out_what_it_is_about_and_nothing_else(string rule, string before, string after) =>
        Assert.Equal(after, Normaliser.Rules.Single(r => r.Name == rule).Apply(before, s_lane));

    [Fact]
    public void Rules_have_names_of_their_own_and_each_is_tested_here()
    {
        string[] tested = [.. typeof(NormaliserTests).GetMethod(nameof(Rule_takes_out_what_it_is_about_and_nothing_else))!.GetCustomAttributes(typeof(InlineDataAttribute), false)
            .Select(data => (string)((InlineDataAttribute)data).Data[0]!)];
        Assert.Equal(Normaliser.Rules.Select(rule => rule.Name).Order(StringComparer.Ordinal), tested.Distinct().Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Age_in_a_row_that_is_aligned_otherwise_than_its_heading_is_found_by_its_number() =>
        Assert.Equal("NAME  DATA  AGE\nfirst  1  AGE", TableAges.Replace("NAME    DATA   AGE\nfirst   1      3s".Replace("   1      3s", "     1        3s", StringComparison.Ordinal)));
}
