using System.Text.Json.Nodes;
using Ote.Kube.Objects;

namespace Ote.Tests.Kube.Objects;

public sealed class YamlTests
{
    [Theory]
    [InlineData("a: 1", """{"a":1}""")]
    [InlineData("a: '1'", """{"a":"1"}""")]
    [InlineData("a: 010", """{"a":"010"}""")]
    [InlineData("a: 1.5", """{"a":1.5}""")]
    [InlineData("a: 1.5.2", """{"a":"1.5.2"}""")]
    [InlineData("a: yes", """{"a":"yes"}""")]
    [InlineData("a: true", """{"a":true}""")]
    [InlineData("a: ~", """{"a":null}""")]
    [InlineData("a: !!str 5", """{"a":"5"}""")]
    [InlineData("a: |\n  x\n  y\n", """{"a":"x\ny\n"}""")]
    [InlineData("a: 100m", """{"a":"100m"}""")]
    [InlineData("a: [1, b]", """{"a":[1,"b"]}""")]
    public void Scalars_read_as_kubernetes_tools_read_them(string yaml, string json) =>
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(json), Yaml.ReadObject(yaml)));

    [Fact]
    public void Several_documents_come_in_order_and_empty_ones_are_left_out()
    {
        var documents = Yaml.Read("a: 1\n---\n---\nb: 2\n");
        Assert.Equal(["""{"a":1}""", """{"b":2}"""], documents.Select(d => d.ToJsonString()));
    }

    [Fact]
    public void Aliases_that_explode_are_refused_not_followed()
    {
        var bomb = "a: &a [x,x,x,x,x,x,x,x,x,x]\n";
        for (var c = 'b'; c <= 'h'; c++)
        {
            bomb += $"{c}: &{c} [{string.Join(',', Enumerable.Repeat("*" + (char)(c - 1), 10))}]\n";
        }

        Assert.Throws<FormatException>(() => Yaml.Read(bomb));
    }

    [Fact]
    public void Bad_text_names_the_line() =>
        Assert.Contains("line 2", Assert.Throws<FormatException>(() => Yaml.Read("a: 1\nb: ]")).Message, StringComparison.Ordinal);
}
