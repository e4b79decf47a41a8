using System.Collections.Frozen;
using System.Globalization;
using System.Text.Json.Nodes;

namespace Ote.Kube.Server.Http.Protobuf;

/// <summary>
/// Reads objects of built-in kinds in Kubernetes' protobuf form, which newer kubectl and kubelets send, as the JSON they stand
/// for. A field that is not known refuses the body: dropping it would lose what the client meant.
/// </summary>
internal static class ProtobufBody
{
    public const string MediaType = "application/vnd.kubernetes.protobuf";

    private static ReadOnlySpan<byte> Magic => "k8s\0"u8;

    /// <summary>Reads a body.</summary>
    /// <exception cref="ApiError">400 when it is malformed, 415 when its kind or one of its fields is not known.</exception>
    public static JsonObject Read(ReadOnlySpan<byte> body, int depth)
    {
        if (!body.StartsWith(Magic))
        {
            throw ApiError.BadRequest("the body does not begin as Kubernetes' protobuf does");
        }

        try
        {
            var (apiVersion, kind, raw) = Envelope(body[Magic.Length..]);
            var fields = MessageTable.Find(Name(apiVersion, kind))
                ?? throw ApiError.Undecodable($"{kind} of {apiVersion} is not accepted in protobuf; send JSON");
            var obj = new JsonObject { ["apiVersion"] = apiVersion, ["kind"] = kind };
            ReadInto(obj, raw, fields, depth);
            return obj;
        }
        catch (FormatException bad)
        {
            throw ApiError.BadRequest($"the body is malformed protobuf: {bad.Message}");
        }
    }

    private static (string ApiVersion, string Kind, byte[] Raw) Envelope(ReadOnlySpan<byte> bytes)
    {
        var (apiVersion, kind, raw) = ("", "", Array.Empty<byte>());
        var reader = new WireReader(bytes);
        while (reader.Next(out var field))
        {
            switch (field)
            {
                case 1:
                    var meta = new WireReader(reader.Bytes());
                    while (meta.Next(out var part))
                    {
                        switch (part)
                        {
                            case 1:
                                apiVersion = meta.Text();
                                break;
                            case 2:
                                kind = meta.Text();
                                break;
                            default:
                                throw new FormatException("the envelope names more than apiVersion and kind");
                        }
                    }

                    break;
                case 2:
                    raw = reader.Bytes().ToArray();
                    break;
                default:
                    // Content encoding and type, which are empty for what clients send.
                    reader.Bytes();
                    break;
            }
        }

        return (apiVersion, kind, raw);
    }

    private static string Name(string apiVersion, string kind)
    {
        var slash = apiVersion.IndexOf('/', StringComparison.Ordinal);
        return kind == "DeleteOptions" ? "meta.v1.DeleteOptions"
            : slash < 0 ? $"core.{apiVersion}.{kind}"
            : $"{apiVersion[..slash].Split('.')[0]}.{apiVersion[(slash + 1)..]}.{kind}";
    }

    private static void ReadInto(JsonObject obj, ReadOnlySpan<byte> bytes, FrozenDictionary<int, MessageField> fields, int depth)
    {
        if (depth <= 0)
        {
            throw new FormatException("it nests too deep");
        }

        var reader = new WireReader(bytes);
        while (reader.Next(out var number))
        {
            if (!fields.TryGetValue(number, out var field))
            {
                // Go's encoders send what is empty too, such as a field that later versions have dropped: it says nothing.
                if (reader.SkipsNothing())
                {
                    continue;
                }

                throw ApiError.Undecodable($"the body has a field of number {number} that this server does not know; send JSON");
            }

            switch (field.Type[0])
            {
                case '*':
                    if (obj[field.Name] is not JsonArray list)
                    {
                        obj[field.Name] = list = [];
                    }

                    list.Add(Value(ref reader, field.Type.AsSpan(1), depth));
                    break;
                case '{':
                    if (obj[field.Name] is not JsonObject map)
                    {
                        obj[field.Name] = map = [];
                    }

                    ReadEntry(map, reader.Bytes(), field.Type.AsSpan(1), depth);
                    break;
                case 'm' when field.Name.Length == 0:
                    ReadInto(obj, reader.Bytes(), MessageTable.Find(field.Type[1..])!, depth - 1);
                    break;
                default:
                    var value = Value(ref reader, field.Type, depth);
                    if (value is not null && (field.KeepsZero || !IsZero(value)))
                    {
                        obj[field.Name] = value;
                    }

                    break;
            }
        }
    }

    private static void ReadEntry(JsonObject map, ReadOnlySpan<byte> bytes, ReadOnlySpan<char> type, int depth)
    {
        var key = "";
        JsonNode? value = null;
        var reader = new WireReader(bytes);
        while (reader.Next(out var number))
        {
            switch (number)
            {
                case 1:
                    key = reader.Text();
                    break;
                case 2:
                    value = Value(ref reader, type, depth);
                    break;
                default:
                    throw new FormatException("a map's entry has more than a key and a value");
            }
        }

        map[key] = value ?? (type[0] is 's' or 'y' ? "" : null);
    }

    private static JsonNode? Value(ref WireReader reader, ReadOnlySpan<char> type, int depth)
    {
        switch (type[0])
        {
            case 's':
                return reader.Text();
            case 'b':
                return reader.Whole() != 0;
            case 'i':
                return reader.Whole();
            case 'd':
                return reader.Real();
            case 'y':
                return Convert.ToBase64String(reader.Bytes());
            case 'm':
                var obj = new JsonObject();
                ReadInto(obj, reader.Bytes(), MessageTable.Find(type[1..].ToString())!, depth - 1);
                return obj;
            case 'L':
                var texts = new JsonArray();
                var items = new WireReader(reader.Bytes());
                while (items.Next(out var number))
                {
                    texts.Add((JsonNode)(number == 1 ? items.Text() : throw new FormatException("a list of texts has a field that does not belong")));
                }

                return texts;
            case 'Q':
                var quantity = Parts.Read(reader.Bytes());
                return quantity.Text;
            case 'O':
                var either = Parts.Read(reader.Bytes(), textAt: 3);
                return either.First == 1 ? either.Text ?? "" : either.Second;
            case 'T':
                return Time(Parts.Read(reader.Bytes()), "yyyy-MM-dd'T'HH:mm:ss'Z'");
            case 'U':
                return Time(Parts.Read(reader.Bytes()), "yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'");
            case 'D':
                return string.Create(CultureInfo.InvariantCulture, $"{Parts.Read(reader.Bytes()).First / 1e9}s");
            case 'R' or 'F':
                return Parts.Read(reader.Bytes()).Text is { Length: > 0 } json ? Body.ParseJson(System.Text.Encoding.UTF8.GetBytes(json), depth) : null;
            default:
                throw new InvalidOperationException($"the message table has an unknown type {type.ToString()}");
        }
    }

    private static JsonValue? Time(Parts parts, string format)
    {
        const long Latest = 253_402_300_799;
        if (parts is { First: 0, Second: 0 })
        {
            // Go's zero time, written where nothing is set.
            return null;
        }

        return parts.First is >= 0 and <= Latest && parts.Second is >= 0 and < 1_000_000_000
            ? JsonValue.Create(DateTimeOffset.FromUnixTimeSeconds(parts.First).AddTicks(parts.Second / 100).UtcDateTime.ToString(format, CultureInfo.InvariantCulture))
            : throw new FormatException("a time is out of range");
    }

    private static bool IsZero(JsonNode value) => value is JsonValue scalar
        && ((scalar.TryGetValue<string>(out var text) && text.Length == 0) || (scalar.TryGetValue<long>(out var whole) && whole == 0)
            || (scalar.TryGetValue<bool>(out var flag) && !flag) || (scalar.TryGetValue<double>(out var real) && real == 0));

    /// <summary>A small message of up to two numbers and a text, as times, quantities and the like are.</summary>
    private readonly record struct Parts(long First, long Second, string? Text)
    {
        public static Parts Read(ReadOnlySpan<byte> bytes, int textAt = 1)
        {
            var parts = default(Parts);
            var reader = new WireReader(bytes);
            while (reader.Next(out var number))
            {
                parts = (number, reader.WireType) switch
                {
                    (_, 2) when number == textAt => parts with { Text = reader.Text() },
                    (1, 0) => parts with { First = reader.Whole() },
                    (2, 0) => parts with { Second = reader.Whole() },
                    _ => throw new FormatException("a small message has a field that does not belong"),
                };
            }

            return parts;
        }
    }
}
