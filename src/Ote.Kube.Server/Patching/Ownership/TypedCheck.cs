using System.Text.Json;
using System.Text.Json.Nodes;
using Ote.Kube.Server.Schema;

namespace Ote.Kube.Server.Patching.Ownership;

/// <summary>Whether an applied configuration is of its kind: that is asked before anything is merged, in the real server's words. Pure.</summary>
internal sealed class TypedCheck(TypedKind kind)
{
    private const int MaxReported = 32;
    private readonly List<string> _faults = [];

    /// <summary>The faults in one text; null when there are none.</summary>
    public static string? Fault(TypedKind kind, JsonObject applied)
    {
        TypedCheck check = new(kind);
        check.Map(kind.Schema, applied, "");
        return check._faults.Count switch
        {
            0 => null,
            1 => check._faults[0],
            _ => "errors:\n" + string.Join('\n', check._faults.Order(StringComparer.Ordinal).Select(f => "  " + f)),
        };
    }

    private void Value(SchemaNode? schema, JsonNode? value, string path)
    {
        if (schema is null || value is null || _faults.Count == MaxReported)
            return;
        switch (value)
        {
            case JsonObject map when Wants(schema, SchemaType.Object):
                Map(schema, map, path);
                break;
            case JsonArray list when Wants(schema, SchemaType.Array):
                List(schema, list, path);
                break;
            default:
                Scalar(schema, value, path);
                break;
        }
    }

    private void Map(SchemaNode schema, JsonObject map, string path)
    {
        if (!schema.PreserveUnknownFields && map.Select(p => p.Key).FirstOrDefault(name => schema.Field(name) is null) is { } unknown)
        {
            _faults.Add($"{path}.{unknown}: field not declared in schema");
            return;
        }
        foreach ((string name, JsonNode? value) in map)
            Value(kind.Shapes.Below(schema, name), value, $"{path}.{name}");
    }

    private void List(SchemaNode schema, JsonArray list, string path)
    {
        HashSet<PathElement> seen = new(list.Count);
        for (int i = 0; i < list.Count; i++)
        {
            JsonNode? element = list[i];
            string at = $"{path}[{i}]";
            if (schema.ListType != ListType.Atomic)
            {
                if (element is null || (schema.ListType == ListType.Map && element is not JsonObject))
                {
                    string what = schema.ListType == ListType.Set ? "sets may not have null elements"
                        : element is null ? "associative list with keys may not have a null element" : "associative list with keys may not have non-map elements";
                    _faults.Add($"{path}: element {i}: {what}");
                    continue;
                }
                if (kind.Shapes.Element(schema, element) is not { } step)
                {
                    string keys = string.Join(' ', schema.MapKeys.Select(FieldError.Quote));
                    _faults.Add($"{path}: element {i}: associative list with keys has an element that omits all key fields [{keys}] (and doesn't have default values for any key fields)");
                    continue;
                }
                if (!seen.Add(step))
                {
                    _faults.Add($"{path}: duplicate entries for key {step}");
                    continue;
                }
                at = path + step;
            }
            Value(schema.Items, element, at);
        }
    }

    private void Scalar(SchemaNode schema, JsonNode value, string path)
    {
        if (schema.IntOrString || schema.AcceptsNumberAsString || (schema.Type == SchemaType.Any && schema.PreserveUnknownFields))
            return;
        JsonValueKind is_ = value.GetValueKind();
        string? wrong = schema.Type switch
        {
            SchemaType.Object => $"expected map, got &{{{Shown(value)}}}",
            SchemaType.Array => $"expected list, got &{{{Shown(value)}}}",
            SchemaType.String when is_ != JsonValueKind.String => $"expected string, got &value.valueUnstructured{{Value:{GoSyntax(value)}}}",
            SchemaType.Integer or SchemaType.Number when is_ != JsonValueKind.Number => "expected numeric (int or float), got *value.valueUnstructured",
            SchemaType.Boolean when is_ is not (JsonValueKind.True or JsonValueKind.False) => $"expected boolean, got &{{{Shown(value)}}}",
            _ => null,
        };
        if (wrong is not null)
            _faults.Add($"{path}: {wrong}");
    }

    private static bool Wants(SchemaNode schema, SchemaType type) =>
        schema.Type == type || (schema.Type == SchemaType.Any && !schema.IntOrString) || (type == SchemaType.Object && schema.Properties.Count > 0);

    /// <summary>A value as Go's %v shows it.</summary>
    private static string Shown(JsonNode? value) => value switch
    {
        null => "<nil>",
        JsonObject map => "map[" + string.Join(' ', map.OrderBy(p => p.Key, StringComparer.Ordinal).Select(p => p.Key + ":" + Shown(p.Value))) + "]",
        JsonArray list => "[" + string.Join(' ', list.Select(Shown)) + "]",
        _ => value.Scalar() ?? "",
    };

    /// <summary>A value as Go's %#v shows it.</summary>
    private static string GoSyntax(JsonNode? value) => value switch
    {
        null => "interface {}(nil)",
        JsonObject map => "map[string]interface {}{" + string.Join(", ", map.OrderBy(p => p.Key, StringComparer.Ordinal).Select(p => FieldError.Quote(p.Key) + ":" + GoSyntax(p.Value))) + "}",
        JsonArray list => "[]interface {}{" + string.Join(", ", list.Select(GoSyntax)) + "}",
        _ => value.ToJsonString(ObjectJson.Plain),
    };
}
