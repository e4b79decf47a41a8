using System.Text;
using System.Text.Json.Nodes;
using Ote.Mirror.Reporting;

namespace Ote.Tests.Mirror.Reporting;

public sealed class LightFormTests
{
    [Fact]
    public void Fields_of_a_kind_that_are_dropped_are_not_reported_and_neither_is_who_owns_them()
    {
        var pod = (JsonObject)JsonNode.Parse("""
            {"metadata":{"name":"a","managedFields":[{}],"annotations":{"kubectl.kubernetes.io/last-applied-configuration":"{}"}},
             "spec":{"nodeName":"n","volumes":[{"name":"v"}],"containers":[{"name":"c","image":"i","env":[{"name":"PASSWORD","value":"secret"}],"args":["x"]}],"initContainers":[{"name":"d","command":["x"]}]}}
            """)!;
        var form = new LightForm(ReportedKinds.Default.Single(k => k.Stream == "pods").Dropped);
        Assert.Equal(
            """{"metadata":{"name":"a"},"spec":{"nodeName":"n","containers":[{"name":"c","image":"i"}],"initContainers":[{"name":"d"}]}}""",
            Encoding.UTF8.GetString(form.Write(pod).Span));
    }

    [Fact]
    public void Of_configmaps_the_names_are_reported_alone()
    {
        var form = new LightForm(ReportedKinds.Default.Single(k => k.Stream == "configmaps").Dropped);
        Assert.Equal("""{"metadata":{"name":"a"}}""", Encoding.UTF8.GetString(form.Write((JsonObject)JsonNode.Parse("""{"metadata":{"name":"a"},"data":{"k":"v"},"binaryData":{}}""")!).Span));
    }

    [Fact]
    public void A_path_meets_whatever_an_object_has_there()
    {
        var form = new LightForm(["a.b", "c[].d", "e"]);
        foreach (var (given, wanted) in new[] { ("""{"a":1,"c":{"d":1}}""", """{"a":1,"c":{"d":1}}"""), ("""{"a":null,"c":[1,{"d":2,"x":3}],"e":4}""", """{"a":null,"c":[1,{"x":3}]}""") })
        {
            Assert.Equal(wanted, Encoding.UTF8.GetString(form.Write((JsonObject)JsonNode.Parse(given)!).Span));
        }
    }

    [Theory]
    [InlineData("pods", "pods", "")]
    [InlineData("widgets.example.com", "widgets", "example.com")]
    public void Kinds_are_written_as_kubectl_does(string text, string plural, string group)
    {
        Assert.True(ReportedKind.TryParse(text, out var kind, out _));
        Assert.Equal((plural, group, text), (kind.Plural, kind.Group, kind.Stream));
    }

    [Theory]
    [InlineData("")]
    [InlineData("Pods")]
    [InlineData(".apps")]
    [InlineData("secrets")]
    public void What_is_no_kind_and_secrets_are_refused_with_the_reason(string text)
    {
        Assert.False(ReportedKind.TryParse(text, out _, out var error));
        Assert.NotEmpty(error);
    }
}
