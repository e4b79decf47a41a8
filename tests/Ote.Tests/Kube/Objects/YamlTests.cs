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

    [Theory]
    [InlineData("[")]
    [InlineData("{a: ")]
    [InlineData("- ")]
    public void Nesting_without_end_is_refused_where_it_begins_to_be_too_deep(string level) =>
        Assert.Contains("nests deeper than 128 levels", Assert.Throws<FormatException>(() => Yaml.Read(string.Concat(Enumerable.Repeat(level, 500_000)))).Message, StringComparison.Ordinal);

    [Fact]
    public void Key_that_is_a_list_of_aliases_is_refused_without_going_through_all_of_them()
    {
        var bomb = "a: &a [x,x]\n";
        for (var c = 'b'; c <= 'z'; c++)
        {
            bomb += $"? &{c} [*{(char)(c - 1)},*{(char)(c - 1)}]\n: x\n";
        }

        Assert.Contains("is not a plain value", Assert.Throws<FormatException>(() => Yaml.Read(bomb)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Aliases_of_long_texts_are_refused_not_multiplied() =>
        Assert.Contains("characters when its aliases are followed", Assert.Throws<FormatException>(
            () => Yaml.Read($"a: &a {new string('x', 1_000_000)}\nb: [{string.Join(',', Enumerable.Repeat("*a", 100))}]")).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("a: &x [1, {b: 2}]\nc: *x", """{"a":[1,{"b":2}],"c":[1,{"b":2}]}""")]
    [InlineData("&k a: 1\nb: *k\n*k : 2\nc: 3", null)]
    [InlineData("&k a: 1\nb: {*k : 2}", """{"a":1,"b":{"a":2}}""")]
    [InlineData("a: &x [*x]", null)]
    [InlineData("a: &x 1\nb: &x [*x]", null)]
    [InlineData("a: *nothing", null)]
    [InlineData("a: 1\na: 2", null)]
    public void Alias_stands_for_what_was_named_before_it(string yaml, string? json)
    {
        if (json is null)
        {
            Assert.Throws<FormatException>(() => Yaml.ReadObject(yaml));
        }
        else
        {
            Assert.Equal(json, Yaml.ReadObject(yaml).ToJsonString());
        }
    }

    [Theory]
    [InlineData("a: {b}c")] // The library's scanner gave up in words of its own.
    [InlineData("a: \"\\uD800\"")]
    [InlineData("a: \"\\uD83D\\uDDe0\\uD83D\\u0041\"")]
    [InlineData("s: {a/b\nc/d\n[{\"e\":1}]\n")]
    public void Text_that_cannot_be_read_is_refused_as_such(string yaml) => Assert.Throws<FormatException>(() => Yaml.Read(yaml));

    [Fact]
    public void Bad_text_names_the_line() =>
        Assert.Contains("line 2", Assert.Throws<FormatException>(() => Yaml.Read("a: 1\nb: ]")).Message, StringComparison.Ordinal);
}
