using System.Text.Json.Nodes;
using Ote.Tests.Kube.Server.Http;

namespace Ote.Tests.Kube.Server.Schema.Rules;

/// <summary>Kubernetes objects inside of custom objects.</summary>
public sealed class EmbeddedRulesTests
{
    private const string Definition = """
        {"metadata":{"name":"gears.test.ote"},"spec":{"group":"test.ote","scope":"Namespaced","names":{"plural":"gears","kind":"Gear"},"versions":[{"name":"v1","served":true,"storage":true,
        "schema":{"openAPIV3Schema":{"type":"object","properties":{"spec":{"type":"object","properties":{"i":{"type":"integer"},"n":{"type":"number"},
        "one":{"type":"object","x-kubernetes-embedded-resource":true,"x-kubernetes-preserve-unknown-fields":true},
        "many":{"type":"array","items":{"type":"object","x-kubernetes-embedded-resource":true,"properties":{"spec":{"type":"object"}}}}}}}}}}]}}
        """;

    [Theory]
    [InlineData("""{"one":{}}""", "[spec.one.apiVersion: Required value: must not be empty, spec.one.kind: Required value: must not be empty]")]
    [InlineData("""{"one":{"apiVersion":"","kind":"Pod"}}""", "spec.one.apiVersion: Invalid value: \"\": must not be empty")]
    [InlineData("""{"one":{"apiVersion":"a/b/c","kind":"Pod"}}""", "spec.one.apiVersion: Invalid value: \"a/b/c\": unexpected GroupVersion string: a/b/c")]
    [InlineData("""{"many":[{"apiVersion":"v1","kind":"Pod"},{"kind":"Pod"}]}""", "spec.many[1].apiVersion: Required value: must not be empty")]
    [InlineData("""{"one":{"apiVersion":"v1","kind":"Pod","metadata":{"annotations":{"/a":"b"}}}}""", "spec.one.metadata.annotations: Invalid value: \"/a\": prefix part must be non-empty")]
    public async Task Embedded_object_that_does_not_say_what_it_is_or_has_bad_metadata_is_refused(string spec, string fault)
    {
        var (code, answer) = await CreateAsync(spec);
        Assert.Equal((422, $"Gear.test.ote \"g\" is invalid: {fault}"), (code, (string?)answer["message"]));
    }

    [Theory]
    [InlineData("""{"one":{"apiVersion":1,"kind":"Pod"}}""", "spec.one.apiVersion: Invalid value: 1: must be a string")]
    [InlineData("""{"one":{"apiVersion":"v1","kind":"Pod","metadata":{"name":3}}}""", "spec.one.metadata: Invalid value: {\"name\":3}: json: cannot unmarshal number into Go struct field ObjectMeta.name of type string")]
    public async Task Embedded_object_of_wrong_types_cannot_be_read(string spec, string fault)
    {
        var (code, answer) = await CreateAsync(spec);
        Assert.Equal((400, $"Gear in version \"v1\" cannot be handled as a Gear: {fault}"), (code, (string?)answer["message"]));
    }

    [Theory]
    [InlineData("""{"one":{"apiVersion":"v1","kind":"Pod","metadata":{"name":"Not a name","strange":1,"labels":{"a":"b"}},"spec":{"x":1}}}""", """{"one":{"apiVersion":"v1","kind":"Pod","metadata":{"name":"Not a name","labels":{"a":"b"}},"spec":{"x":1}}}""")]
    [InlineData("""{"one":null}""", "{}")]
    [InlineData("""{"i":2.0,"n":1e3}""", """{"i":2,"n":1000}""")]
    [InlineData("""{"n":0.10}""", """{"n":0.1}""")]
    [InlineData("""{"n":1.0e-7}""", """{"n":1e-7}""")]
    [InlineData("""{"n":100000000000000000000000}""", """{"n":1e+23}""")]
    [InlineData("""{"n":0.0000015}""", """{"n":0.0000015}""")]
    [InlineData("""{"n":-12.50,"i":-3}""", """{"n":-12.5,"i":-3}""")]
    public async Task Custom_object_is_taken_as_the_real_server_takes_it(string spec, string stored)
    {
        var (code, answer) = await CreateAsync(spec);
        Assert.Equal((201, stored), (code, answer["spec"]!.ToJsonString()));
    }

    private static async Task<(int Code, JsonObject Body)> CreateAsync(string spec)
    {
        await using var api = await ApiServerFixture.StartAsync();
        var (made, why) = await api.SendAsync(HttpMethod.Post, "apis/apiextensions.k8s.io/v1/customresourcedefinitions", Definition);
        Assert.True(made == 201, why.ToJsonString());
        return await api.SendAsync(HttpMethod.Post, "apis/test.ote/v1/namespaces/default/gears", $$$"""{"metadata":{"name":"g"},"spec":{{{spec}}} }""");
    }
}
