using System.Text.Json.Nodes;
using CsCheck;
using Ote.Kube.Objects;

namespace Ote.Tests.Kube.Objects;

public sealed class YamlWriterTests
{
    private static readonly string[] Known =
    [
        "", " ", "~", "null", "yes", "No", "on", "1", "-1", "+1", "0x1F", "010", "1e3", ".5", "1_000", "12:30", "2026-01-01", "- a", "a: b", "a #b", "#a",
        "-", "--- x", "...", "*a", "&a", "!x", "|", ">", "%", "@", "`", "'q'", "\"q\"", "{}", "[]", "<<", "=", "a\nb", "a\n", "a\n\n", "\n", "\na", " a\nb", "a \nb",
        "a\n \nb", "\ta\nb", "a\tb", "a\r\nb", "\u0001", "\u0085", "\u2028x", "\ufeff", "héllo", "日本", "😀", "\\", "a:", ":a", "?a", "a\n  - b\n", "0o17", "-.inf", ".nan",
        "---", "x---", "a,b", "k: |", "a\n#b",
    ];

    private static readonly Gen<string> Awkward = Gen.OneOf(
        Gen.Int[0, Known.Length - 1].Select(i => Known[i]),
        Gen.String[Gen.Char[" -:#\n\t'\"|>&*!%@`{}[],?abc019._\\~"], 0, 12],
        Gen.String[Gen.Char['\u0020', '\u00ff'], 0, 8]);

    private static readonly Gen<JsonNode?> Leaf = Gen.OneOf(
        Awkward.Select(text => (JsonNode?)JsonValue.Create(text)),
        Gen.Long.Select(number => (JsonNode?)JsonValue.Create(number)),
        Gen.Double[-1e9, 1e9].Select(number => (JsonNode?)JsonValue.Create(number)),
        Gen.Bool.Select(truth => (JsonNode?)JsonValue.Create(truth)),
        Gen.Bool.Select(_ => (JsonNode?)null));

    [Fact]
    public void Any_json_reads_back_as_it_was_written() =>
        Tree(4).Sample(
            node =>
            {
                var text = Yaml.Write(new JsonObject { ["root"] = node?.DeepClone() });
                var back = Assert.IsType<JsonObject>(Assert.Single(Yaml.Read(text)));
                Assert.True(JsonNode.DeepEquals(node, back["root"]), $"{node?.ToJsonString()} was written as:\n{text}and read as {back.ToJsonString()}");
            },
            iter: 2000);

    [Fact]
    public void Objects_look_as_kubectl_prints_them()
    {
        var node = JsonNode.Parse(
            """{"apiVersion":"v1","kind":"Pod","metadata":{"labels":{"on":"true","a.b/c":"x-1"},"finalizers":[]},"spec":{"args":["--x","-y: z",["n"],{"k":1,"l":[2]}],"script":"set -e\nrun\n","port":"8080","n":1.50,"none":null,"e":{}}}""");
        Assert.Equal(
            """
            apiVersion: v1
            kind: Pod
            metadata:
              labels:
                "on": "true"
                a.b/c: x-1
              finalizers: []
            spec:
              args:
              - "--x"
              - "-y: z"
              -
                - "n"
              - k: 1
                l:
                - 2
              script: |
                set -e
                run
              port: "8080"
              "n": 1.50
              none: null
              e: {}

            """,
            Yaml.Write(node));
    }

    [Theory]
    [InlineData("18446744073709551615")]
    [InlineData("-9223372036854775809")]
    public void Whole_numbers_beyond_64_bits_stay_numbers(string number) =>
        Assert.Equal(number, Yaml.ReadObject(Yaml.Write(JsonNode.Parse($$"""{"n":{{number}}}""")))["n"]!.ToJsonString());

    private static Gen<JsonNode?> Tree(int depth)
    {
        if (depth == 0)
        {
            return Leaf;
        }

        var child = Tree(depth - 1);
        return Gen.Frequency(
            (2, Leaf),
            (1, child.Array[0, 4].Select(items => (JsonNode?)new JsonArray([.. items.Select(i => i?.DeepClone())]))),
            (2, Gen.Select(Awkward, child).Array[0, 4].Select(pairs =>
            {
                var obj = new JsonObject();
                foreach (var (key, value) in pairs)
                {
                    obj[key] = value?.DeepClone();
                }

                return (JsonNode?)obj;
            })));
    }
}
