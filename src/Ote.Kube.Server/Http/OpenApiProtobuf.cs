using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Ote.Kube.Server.Http;

/// <summary>
/// An OpenAPI v2 document in the protobuf form that kubectl reads (gnostic's <c>openapi.v2.Document</c>). Hand-written because
/// a few of its messages are all that is needed: each table below maps a JSON field to a field number and how to write it.
/// </summary>
internal static class OpenApiProtobuf
{
    private delegate void Field(Message message, JsonNode value);

    private static readonly Dictionary<string, Field> Document = new()
    {
        ["swagger"] = Text(1), ["info"] = Nested(2, () => Info!), ["paths"] = Nested(8, (m, v) => Map(m, 2, v, Path!)),
        ["definitions"] = Nested(9, (m, v) => Map(m, 1, v, Schema!)), ["consumes"] = Texts(6), ["produces"] = Texts(7),
    };

    private static readonly Dictionary<string, Field> Info = new() { ["title"] = Text(1), ["version"] = Text(2), ["description"] = Text(3) };

    private static readonly Dictionary<string, Field> Path = new()
    {
        ["get"] = Nested(2, () => Operation!), ["put"] = Nested(3, () => Operation!), ["post"] = Nested(4, () => Operation!),
        ["delete"] = Nested(5, () => Operation!), ["options"] = Nested(6, () => Operation!), ["head"] = Nested(7, () => Operation!),
        ["patch"] = Nested(8, () => Operation!), ["parameters"] = Each(9, WriteParameter),
    };

    private static readonly Dictionary<string, Field> Operation = new()
    {
        ["tags"] = Texts(1), ["description"] = Text(3), ["operationId"] = Text(5), ["produces"] = Texts(6), ["consumes"] = Texts(7),
        ["parameters"] = Each(8, WriteParameter), ["responses"] = Nested(9, (m, v) => Map(m, 1, v, (response, node) =>
            response.Nested(1, inner => Fields(inner, node, Response!)))),
        ["schemes"] = Texts(10),
    };

    private static readonly Dictionary<string, Field> Response = new()
    {
        ["description"] = Text(1), ["schema"] = (m, v) => m.Nested(2, item => item.Nested(1, schema => Fields(schema, v, Schema!))),
    };

    private static readonly Dictionary<string, Field> BodyParameter = new()
    {
        ["description"] = Text(1), ["name"] = Text(2), ["in"] = Text(3), ["required"] = Flag(4), ["schema"] = Nested(5, () => Schema!),
    };

    private static readonly Dictionary<string, Field> QueryParameter = new()
    {
        ["required"] = Flag(1), ["in"] = Text(2), ["description"] = Text(3), ["name"] = Text(4), ["type"] = Text(6), ["format"] = Text(7), ["uniqueItems"] = Flag(20),
    };

    private static readonly Dictionary<string, Field> PathParameter = new()
    {
        ["required"] = Flag(1), ["in"] = Text(2), ["description"] = Text(3), ["name"] = Text(4), ["type"] = Text(5), ["format"] = Text(6), ["uniqueItems"] = Flag(19),
    };

    private static readonly Dictionary<string, Field> Schema = new()
    {
        ["$ref"] = Text(1), ["format"] = Text(2), ["title"] = Text(3), ["description"] = Text(4), ["default"] = (m, v) => m.Nested(5, any => Any(any, v)),
        ["maximum"] = Real(7), ["minimum"] = Real(9), ["maxLength"] = Whole(11), ["minLength"] = Whole(12), ["pattern"] = Text(13),
        ["maxItems"] = Whole(14), ["minItems"] = Whole(15), ["uniqueItems"] = Flag(16), ["maxProperties"] = Whole(17), ["minProperties"] = Whole(18),
        ["required"] = Texts(19), ["enum"] = (m, v) => ForEach(v, item => m.Nested(20, any => Any(any, item))),
        ["additionalProperties"] = Nested(21, (m, v) =>
        {
            if (v is JsonObject)
            {
                m.Nested(1, schema => Fields(schema, v, Schema!));
            }
            else
            {
                m.Whole(2, IsTrue(v) ? 1 : 0);
            }
        }),
        ["type"] = Nested(22, (m, v) => ForEach(v is JsonArray ? v : new JsonArray(v.DeepClone()), item => m.Text(1, TextOf(item)))),
        ["items"] = Nested(23, (m, v) => m.Nested(1, schema => Fields(schema, v, Schema!))),
        ["allOf"] = (m, v) => ForEach(v, item => m.Nested(24, schema => Fields(schema, item, Schema!))),
        ["properties"] = Nested(25, (m, v) => Map(m, 1, v, Schema!)),
    };

    /// <summary>Encodes a document. What the form has no place for is left out.</summary>
    public static byte[] Encode(JsonObject document)
    {
        var message = new Message();
        Fields(message, document, Document);
        return message.ToArray();
    }

    private static void Fields(Message message, JsonNode node, Dictionary<string, Field> fields)
    {
        if (node is not JsonObject obj)
        {
            return;
        }

        foreach (var (name, value) in obj)
        {
            if (value is null)
            {
                continue;
            }

            if (fields.TryGetValue(name, out var write))
            {
                write(message, value);
            }
            else if (name.StartsWith("x-", StringComparison.Ordinal) && Extensions(fields) is > 0 and var number)
            {
                message.Nested(number, named =>
                {
                    named.Text(1, name);
                    named.Nested(2, any => Any(any, value));
                });
            }
        }
    }

    private static int Extensions(Dictionary<string, Field> fields) =>
        ReferenceEquals(fields, Schema) ? 31 : ReferenceEquals(fields, Operation) ? 13 : ReferenceEquals(fields, Path) ? 10 : 0;

    private static void WriteParameter(Message item, JsonNode node)
    {
        if (node is JsonObject reference && reference["$ref"] is { } target)
        {
            item.Nested(2, r => r.Text(1, TextOf(target)));
            return;
        }

        item.Nested(1, parameter =>
        {
            switch (TextOf(node["in"]))
            {
                case "body":
                    parameter.Nested(1, body => Fields(body, node, BodyParameter));
                    break;
                case "path":
                    parameter.Nested(2, other => other.Nested(4, path => Fields(path, node, PathParameter)));
                    break;
                default:
                    parameter.Nested(2, other => other.Nested(3, query => Fields(query, node, QueryParameter)));
                    break;
            }
        });
    }

    private static void Map(Message message, int number, JsonNode node, Dictionary<string, Field> fields) =>
        Map(message, number, node, (value, item) => Fields(value, item, fields));

    /// <summary>A map is a list of (name, value) messages.</summary>
    private static void Map(Message message, int number, JsonNode node, Action<Message, JsonNode> write)
    {
        foreach (var (name, value) in node as JsonObject ?? [])
        {
            if (value is null)
            {
                continue;
            }

            message.Nested(number, named =>
            {
                named.Text(1, name);
                named.Nested(2, inner => write(inner, value));
            });
        }
    }

    /// <summary>A free value travels as YAML text; JSON is YAML.</summary>
    private static void Any(Message message, JsonNode value) => message.Text(2, Encoding.UTF8.GetString(Answers.Bytes(value)) + "\n");

    private static Field Text(int number) => (message, value) => message.Text(number, TextOf(value));

    private static Field Texts(int number) => (message, value) => ForEach(value, item => message.Text(number, TextOf(item)));

    private static Field Flag(int number) => (message, value) => message.Whole(number, IsTrue(value) ? 1 : 0);

    private static Field Whole(int number) => (message, value) =>
    {
        if (value is JsonValue v && v.TryGetValue<long>(out var whole))
        {
            message.Whole(number, whole);
        }
    };

    private static Field Real(int number) => (message, value) =>
    {
        if (value is JsonValue v && v.TryGetValue<double>(out var real))
        {
            message.Real(number, real);
        }
    };

    private static Field Nested(int number, Func<Dictionary<string, Field>> fields) =>
        (message, value) => message.Nested(number, inner => Fields(inner, value, fields()));

    private static Field Nested(int number, Action<Message, JsonNode> write) => (message, value) => message.Nested(number, inner => write(inner, value));

    private static Field Each(int number, Action<Message, JsonNode> write) =>
        (message, value) => ForEach(value, item => message.Nested(number, inner => write(inner, item)));

    private static void ForEach(JsonNode node, Action<JsonNode> action)
    {
        foreach (var item in node as JsonArray ?? [])
        {
            if (item is not null)
            {
                action(item);
            }
        }
    }

    private static string TextOf(JsonNode? node) => node is JsonValue value && value.TryGetValue<string>(out var text) ? text : "";

    private static bool IsTrue(JsonNode node) => node.GetValueKind() == JsonValueKind.True;

    /// <summary>Writes protobuf's wire format.</summary>
    private sealed class Message
    {
        private readonly ArrayBufferWriter<byte> _bytes = new(64);

        public void Text(int number, string text)
        {
            var bytes = Encoding.UTF8.GetBytes(text);
            Varint(((ulong)number << 3) | 2);
            Varint((ulong)bytes.Length);
            _bytes.Write(bytes);
        }

        public void Whole(int number, long value)
        {
            Varint((ulong)number << 3);
            Varint((ulong)value);
        }

        public void Real(int number, double value)
        {
            Varint(((ulong)number << 3) | 1);
            Span<byte> bytes = stackalloc byte[8];
            BinaryPrimitives.WriteDoubleLittleEndian(bytes, value);
            _bytes.Write(bytes);
        }

        public void Nested(int number, Action<Message> write)
        {
            var inner = new Message();
            write(inner);
            Varint(((ulong)number << 3) | 2);
            Varint((ulong)inner._bytes.WrittenCount);
            _bytes.Write(inner._bytes.WrittenSpan);
        }

        public byte[] ToArray() => _bytes.WrittenSpan.ToArray();

        private void Varint(ulong value)
        {
            while (value >= 0x80)
            {
                Byte((byte)(value | 0x80));
                value >>= 7;
            }

            Byte((byte)value);
        }

        private void Byte(byte value)
        {
            _bytes.GetSpan(1)[0] = value;
            _bytes.Advance(1);
        }
    }
}
