using System.Text;
using System.Text.Json.Nodes;
using CsCheck;
using Ote.Kube.Server.Schema;
using Ote.Kube.Server.Schema.Crds;
using Ote.Kube.Server.Schema.Validation;

namespace Ote.Tests.Kube.Server.Schema.Validation;

/// <summary>Stored bytes are asked whether their schema would change anything in them.</summary>
public sealed class StoredFitTests
{
    private const string Schema = """
        {"type":"object","properties":{"spec":{"type":"object","properties":{
          "size":{"type":"integer"},"colour":{"type":"string","default":"red"},"maybe":{"type":"string","nullable":true},"schön":{"type":"string"},
          "free":{"type":"object","x-kubernetes-preserve-unknown-fields":true},"labels":{"type":"object","additionalProperties":{"type":"string"}},
          "parts":{"type":"array","items":{"type":"object","properties":{"n":{"type":"integer","default":1}}}}}}}}
        """;

    [Theory]
    [InlineData("""{"apiVersion":"a/v1","kind":"K","metadata":{"name":"x","strange":1},"spec":{"colour":"blue"}}""", true)]
    [InlineData("""{"kind":"K","spec":{"colour":"blue","size":1,"maybe":null,"schön":"x","free":{"a":{"b":[null]}},"labels":{"any":"y"},"parts":[{"n":2},{"n":3}]}}""", true)]
    [InlineData("""{"kind":"K"}""", true)]
    [InlineData("""{"kind":"K","spec":{}}""", false)]
    [InlineData("""{"kind":"K","more":1,"spec":{"colour":"blue"}}""", false)]
    [InlineData("""{"kind":"K","spec":{"colour":"blue","odd":1}}""", false)]
    [InlineData("""{"kind":"K","spec":{"colour":"blue","size":null}}""", false)]
    [InlineData("""{"kind":"K","spec":{"colour":null}}""", false)]
    [InlineData("""{"kind":"K","spec":{"colour":"blue","parts":[{"n":2},{}]}}""", false)]
    [InlineData("""{"kind":"K","spec":{"colour":"blue","parts":[{"n":2,"m":1}]}}""", false)]
    public void Bytes_fit_when_nothing_is_unknown_and_no_default_is_missing(string json, bool fits) =>
        Assert.Equal(fits, StoredFit.Fits(Encoding.UTF8.GetBytes(json), Read(Schema), filled: true));

    [Theory]
    [InlineData("""{"kind":"K","spec":{"size":null}}""", true)]
    [InlineData("""{"kind":"K","spec":{"odd":1}}""", false)]
    public void Defaults_count_only_where_they_are_asked_for(string json, bool fits) =>
        Assert.Equal(fits, StoredFit.Fits(Encoding.UTF8.GetBytes(json), Read(Schema), filled: false));

    [Fact]
    public void Field_with_a_name_longer_than_any_is_looked_up_too()
    {
        string name = new('n', 300);
        SchemaNode schema = Read($$$"""{"type":"object","properties":{"{{{name}}}":{"type":"string"},"x":{"type":"string"} } }""");
        Assert.True(StoredFit.Fits(Encoding.UTF8.GetBytes($$"""{"{{name}}":"a"}"""), schema, filled: true));
        Assert.False(StoredFit.Fits(Encoding.UTF8.GetBytes($$"""{"{{name}}m":"a"}"""), schema, filled: true));
    }

    [Fact]
    public void Any_object_fits_exactly_when_pruning_and_filling_leave_it_as_it_is()
    {
        int fitting = 0, others = 0;
        Gen.Byte.Array[20, 120].Sample(bytes =>
        {
            Choices choices = new(bytes);
            SchemaNode schema = CrdSchemaReader.ReadRoot(AnySchema(choices, 3), keepAll: false);
            JsonObject obj = AnyObject(choices, 3);
            if (choices.Next(2) == 0)
                Settle(obj, schema); // else hardly any would fit
            JsonObject settled = (JsonObject)obj.DeepClone();
            Settle(settled, schema);
            bool same = JsonNode.DeepEquals(obj, settled);
            Interlocked.Increment(ref same ? ref fitting : ref others);
            return same == StoredFit.Fits(Encoding.UTF8.GetBytes(obj.ToJsonString()), schema, filled: true);
        }, iter: 2000);
        Assert.True(fitting > 200 && others > 200, $"{fitting} fitted and {others} did not: one of them is hardly tested");
    }

    private static void Settle(JsonObject obj, SchemaNode schema)
    {
        Pruner.Prune(obj, schema);
        SchemaDefaults.Fill(obj, schema);
    }

    private static SchemaNode Read(string schema) => CrdSchemaReader.ReadRoot((JsonObject)JsonNode.Parse(schema)!, keepAll: false);

    private static JsonObject AnySchema(Choices choices, int depth)
    {
        JsonObject schema = new() { ["type"] = "object" };
        switch (choices.Next(4))
        {
            case 0:
                schema["additionalProperties"] = AnyValueSchema(choices, depth - 1);
                return schema;
            case 1:
                schema["x-kubernetes-preserve-unknown-fields"] = true;
                break;
        }
        JsonObject properties = [];
        for (int i = choices.Next(4); i > 0; i--)
            properties[$"f{choices.Next(5)}"] = AnyValueSchema(choices, depth - 1);
        schema["properties"] = properties;
        return schema;
    }

    private static JsonObject AnyValueSchema(Choices choices, int depth)
    {
        JsonObject schema = depth == 0 || choices.Next(3) == 0
            ? new JsonObject { ["type"] = "integer", ["nullable"] = choices.Next(2) == 0 }
            : choices.Next(2) == 0 ? AnySchema(choices, depth) : new JsonObject { ["type"] = "array", ["items"] = AnyValueSchema(choices, depth - 1) };
        if (choices.Next(3) == 0)
            schema["default"] = schema.TextAt("type") switch { "integer" => 7, "array" => new JsonArray(), _ => new JsonObject() };
        return schema;
    }

    private static JsonObject AnyObject(Choices choices, int depth)
    {
        JsonObject obj = [];
        for (int i = choices.Next(5); i > 0; i--)
            obj[$"f{choices.Next(5)}"] = AnyValue(choices, depth - 1);
        return obj;
    }

    private static JsonNode? AnyValue(Choices choices, int depth) => depth == 0 ? 1 : choices.Next(5) switch
    {
        0 => null,
        1 => new JsonArray([.. Enumerable.Range(0, choices.Next(3)).Select(_ => AnyValue(choices, depth - 1))]),
        2 => 1,
        _ => AnyObject(choices, depth),
    };

    /// <summary>Bytes taken as choices, over and over.</summary>
    private sealed class Choices(byte[] bytes)
    {
        private int _next;

        public int Next(int below) => (bytes[_next % bytes.Length] + _next++ / bytes.Length) % below;
    }
}
