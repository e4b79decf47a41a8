using System.Text.Json.Nodes;
using CsCheck;
using Ote.Kube.Server.Schema;
using Ote.Kube.Server.Selectors;

namespace Ote.Tests.Kube.Server.Selectors;

public sealed class SelectorTests
{
    private static readonly JsonObject s_labels = new() { ["app"] = "web", ["tier"] = "front", ["n"] = "5", ["empty"] = "" };

    [Theory]
    [InlineData("", true)]
    [InlineData("app=web", true)]
    [InlineData("app==web,tier=front", true)]
    [InlineData("app = web", true)]
    [InlineData("app=db", false)]
    [InlineData("app!=db", true)]
    [InlineData("missing!=x", true)]
    [InlineData("app in (web, db)", true)]
    [InlineData("app notin (web)", false)]
    [InlineData("missing notin (web)", true)]
    [InlineData("app", true)]
    [InlineData("!app", false)]
    [InlineData("! missing", true)]
    [InlineData("n>4,n<6", true)]
    [InlineData("n>5", false)]
    [InlineData("app>5", false)]
    [InlineData("empty=", true)]
    [InlineData("empty in ()", true)]
    [InlineData("example.com/x", false)]
    public void Label_selector_matches(string text, bool expected) => Assert.Equal(expected, LabelSelector.Parse(text).Matches(s_labels));

    [Theory]
    [InlineData("metadata.name=a\\")]
    [InlineData("status.phase=Running,metadata.name=a\\")]
    public void Field_selector_that_ends_in_a_backslash_is_refused_and_not_forgotten(string text) =>
        Assert.Throws<SelectorException>(() => FieldSelector.Parse(text));

    [Theory]
    [InlineData("app=web,", 8)]
    [InlineData("a b", 2)]
    [InlineData("a in x", 5)]
    [InlineData("a in (x", 7)]
    [InlineData("=x", 0)]
    [InlineData("a=b=c", 3)]
    [InlineData("a=-", 2)]
    [InlineData("a>x", 2)]
    [InlineData("a/b/c", 0)]
    public void Malformed_label_selector_says_where(string text, int position)
    {
        SelectorException e = Assert.Throws<SelectorException>(() => LabelSelector.Parse(text));
        Assert.Equal(position, e.Position);
        Assert.StartsWith("unable to parse requirement: ", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Printed_label_selector_reads_back_the_same()
    {
        Gen<string> name = Gen.Char["abcXYZ019"].Array[1, 6].Select(c => new string(c));
        Gen<string> term = Gen.Select(name, Gen.Int[0, 6], name.Array[1, 3], Gen.Int).Select((k, kind, v, n) => kind switch
        {
            0 => $"{k}={v[0]}",
            1 => $"{k}!={v[0]}",
            2 => $"{k} in ({string.Join(',', v)})",
            3 => $"{k} notin ({string.Join(", ", v)})",
            4 => k,
            5 => "!" + k,
            _ => $"{k}>{Math.Abs((long)n)}",
        });
        term.Array[1, 5].Sample(terms =>
        {
            string once = LabelSelector.Parse(string.Join(',', terms)).ToString();
            Assert.Equal(once, LabelSelector.Parse(once).ToString());
        });
    }

    [Fact]
    public void Object_form_selects_by_labels_and_expressions_and_a_plain_map_works_too()
    {
        JsonObject selector = JsonNode.Parse("""{"matchLabels":{"app":"web"},"matchExpressions":[{"key":"tier","operator":"NotIn","values":["back"]},{"key":"x","operator":"DoesNotExist"}]}""")!.AsObject();
        Assert.True(LabelSelector.FromObject(selector)!.Matches(s_labels));
        Assert.False(LabelSelector.FromObject(new JsonObject { ["app"] = "db" })!.Matches(s_labels));
        Assert.True(LabelSelector.FromObject([])!.IsEverything);
        Assert.Null(LabelSelector.FromObject(null));
    }

    [Theory]
    [InlineData("metadata.name=p", true)]
    [InlineData("metadata.name!=p", false)]
    [InlineData("spec.nodeName=", true)]
    [InlineData("status.phase==Running,metadata.namespace=default", true)]
    [InlineData("spec.hostNetwork=false", true)]
    [InlineData("", true)]
    public void Field_selector_matches(string text, bool expected)
    {
        KindInfo pods = SchemaCatalog.BuiltIn.Find("", "v1", "pods")!;
        JsonObject pod = JsonNode.Parse("""{"metadata":{"name":"p","namespace":"default"},"spec":{},"status":{"phase":"Running"}}""")!.AsObject();
        Assert.Equal(expected, FieldSelector.Parse(text, pods).Matches(pod));
    }

    [Fact]
    public void Events_are_selected_by_source_component_in_either_form()
    {
        FieldSelector selector = FieldSelector.Parse("source=kubelet,involvedObject.name=p", SchemaCatalog.BuiltIn.Find("", "v1", "events")!);
        Assert.True(selector.Matches(JsonNode.Parse("""{"involvedObject":{"name":"p"},"source":{"component":"kubelet"}}""")!.AsObject()));
        Assert.Equal("p", selector.Required("involvedObject.name"));
    }

    [Theory]
    [InlineData("", "pods", "spec.foo=x", "field label not supported: spec.foo")]
    [InlineData("apps", "deployments", "spec.replicas=1", "\"spec.replicas\" is not a known field selector: only \"metadata.name\", \"metadata.namespace\"")]
    public void Unsupported_field_is_refused(string group, string plural, string text, string message)
    {
        SelectorException e = Assert.Throws<SelectorException>(() => FieldSelector.Parse(text, SchemaCatalog.BuiltIn.Find(group, "v1", plural)!));
        Assert.Equal(message, e.Message);
    }

    [Theory]
    [InlineData("novalue", 0)]
    [InlineData("a=b,=c", 4)]
    [InlineData("a=b=c", 3)]
    [InlineData("a=\\x", 2)]
    public void Malformed_field_selector_says_where(string text, int position) =>
        Assert.Equal(position, Assert.Throws<SelectorException>(() => FieldSelector.Parse(text)).Position);

    [Fact]
    public void Printed_field_selector_reads_back_the_same() =>
        Gen.Select(Gen.Char["a.b"].Array[1, 5], Gen.Char["ab,=\\ "].Array[0, 6], Gen.Bool).Array[1, 4].Sample(terms =>
        {
            string text = string.Join(',', terms.Select(t => new FieldTerm(new string(t.Item1), t.Item3, new string(t.Item2)).ToString()));
            Assert.Equal(text, FieldSelector.Parse(text).ToString());
        });
}
