using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Ote.Kube.Server.Schema.Validation;

/// <summary>Checks an object against the schema of a custom resource.</summary>
internal sealed class SchemaValidator(string? except)
{
    /// <summary>A refusal that lists more than this helps nobody.</summary>
    private const int MaxErrors = 200;

    private readonly List<FieldError> _errors = [];

    /// <summary>All that is wrong with a value.</summary>
    /// <param name="value">The value.</param>
    /// <param name="schema">What it must fulfil.</param>
    /// <param name="path">Where it stands, for the messages.</param>
    /// <param name="except">A field of the value itself that is not looked at, present or not; null for none.</param>
    public static List<FieldError> Validate(JsonNode? value, SchemaNode schema, string path = "", string? except = null)
    {
        SchemaValidator validator = new(except);
        validator.Check(value, schema, path);
        return validator._errors;
    }

    private void Check(JsonNode? value, SchemaNode schema, string path)
    {
        if (_errors.Count >= MaxErrors)
            return;
        if (value is null)
        {
            if (!schema.Nullable && (schema.Type != SchemaType.Any || schema.IntOrString))
                AddType(path, schema, "null");
            return;
        }
        if (!TypeFits(value, schema))
        {
            AddType(path, schema, TypeName(value));
            return;
        }
        if (schema.Enum.Count > 0 && !schema.Enum.Any(e => JsonNode.DeepEquals(e, value)))
            _errors.Add(new FieldError(path, FieldErrorType.NotSupported, FieldError.Show(value), "supported values: " + string.Join(", ", schema.Enum.Select(FieldError.Show))));
        switch (value)
        {
            case JsonObject map:
                CheckMap(map, schema, path);
                break;
            case JsonArray list:
                CheckList(list, schema, path);
                break;
            default:
                CheckScalar(value, schema, path);
                break;
        }
        if (schema.Rules is { } rules)
            CheckCombinations(value, rules, path);
    }

    private void CheckMap(JsonObject map, SchemaNode schema, string path)
    {
        string? skipped = path.Length == 0 ? except : null;
        foreach (string name in schema.Required)
        {
            if (name != skipped && !map.ContainsKey(name))
                _errors.Add(FieldError.Required(Join(path, name)));
        }
        if (schema.Rules?.MinProperties > map.Count)
            Add(path, FieldError.Show(map), $"should have at least {schema.Rules.MinProperties} properties");
        if (schema.Rules?.MaxProperties < map.Count)
            _errors.Add(FieldError.TooMany(path, map.Count, schema.Rules.MaxProperties.Value));
        foreach ((string name, JsonNode? value) in map)
        {
            if (name != skipped && schema.Field(name) is { } field)
                Check(value, field, Join(path, name));
        }
    }

    private void CheckList(JsonArray list, SchemaNode schema, string path)
    {
        if (schema.Rules?.MinItems > list.Count)
            Add(path, Number(list.Count), $"should have at least {schema.Rules.MinItems} items");
        if (schema.Rules?.MaxItems < list.Count)
            _errors.Add(FieldError.TooMany(path, list.Count, schema.Rules.MaxItems.Value));
        if (schema.Rules?.UniqueItems == true && list.Select(e => FieldError.Show(e)).Distinct().Count() < list.Count)
            Add(path, FieldError.Show(list), "shouldn't contain duplicates");
        for (int i = 0; i < list.Count && schema.Items is not null; i++)
            Check(list[i], schema.Items, $"{path}[{i}]");
        if (schema.ListType != ListType.Atomic)
            CheckUnique(list, schema, path);
    }

    private void CheckUnique(JsonArray list, SchemaNode schema, string path)
    {
        HashSet<string> seen = new(StringComparer.Ordinal);
        for (int i = 0; i < list.Count; i++)
        {
            JsonNode? name = list[i];
            if (schema.ListType == ListType.Map)
            {
                JsonObject keys = [];
                foreach (string key in schema.MapKeys)
                {
                    if (list[i].At(key) is { } value)
                        keys[key] = value.DeepClone();
                }
                name = keys;
            }
            if (!seen.Add(FieldError.Show(name)))
                _errors.Add(FieldError.Duplicate($"{path}[{i}]", name));
        }
    }

    private void CheckScalar(JsonNode value, SchemaNode schema, string path)
    {
        if (value.Text() is { } text)
        {
            if (schema.Format is { } format && schema.Type == SchemaType.String && !Formats.Fits(format, text))
                _errors.Add(new FieldError(path, FieldErrorType.Invalid, FieldError.Quote(text), $"{path} in body must be of type {format}: {FieldError.Quote(text)}"));
            if (schema.Rules is { } rules)
                CheckText(text, rules, path);
        }
        else if (value.Real() is { } number && schema.Rules is { } bounds)
            CheckNumber(value, number, bounds, path);
    }

    private void CheckText(string text, SchemaRules rules, string path)
    {
        int length = text.EnumerateRunes().Count();
        // Of one text only the first fault is told, as the real server has it.
        if (length > rules.MaxLength)
        {
            _errors.Add(FieldError.TooLong(path, rules.MaxLength.Value));
            return;
        }
        if (length < rules.MinLength)
        {
            Add(path, FieldError.Quote(text), $"should be at least {rules.MinLength} chars long");
            return;
        }
        try
        {
            if (rules.Pattern is not null && !rules.Pattern.IsMatch(text))
                Add(path, FieldError.Quote(text), $"should match '{rules.PatternText}'");
        }
        catch (RegexMatchTimeoutException)
        {
            Add(path, FieldError.Quote(text), $"could not be matched with '{rules.PatternText}' in time");
        }
    }

    private void CheckNumber(JsonNode value, double number, SchemaRules rules, string path)
    {
        if (rules.Minimum is { } min && (rules.ExclusiveMinimum ? number <= min : number < min))
            Add(path, FieldError.Show(value), $"should be greater than {(rules.ExclusiveMinimum ? "" : "or equal to ")}{Number(min)}");
        if (rules.Maximum is { } max && (rules.ExclusiveMaximum ? number >= max : number > max))
            Add(path, FieldError.Show(value), $"should be less than {(rules.ExclusiveMaximum ? "" : "or equal to ")}{Number(max)}");
        if (rules.MultipleOf is { } of && of > 0 && Math.Abs(Math.IEEERemainder(number, of)) > 1e-9 * Math.Max(1, Math.Abs(number)))
            Add(path, FieldError.Show(value), $"should be a multiple of {Number(of)}");
    }

    private void CheckCombinations(JsonNode value, SchemaRules rules, string path)
    {
        foreach (SchemaNode all in rules.AllOf)
            Check(value, all, path);
        if (rules.AnyOf.Count > 0 && !rules.AnyOf.Any(s => Fits(value, s, path)))
            AddCombination(path, "must validate at least one schema (anyOf)");
        if (rules.OneOf.Count > 0)
        {
            int valid = rules.OneOf.Count(s => Fits(value, s, path));
            if (valid != 1)
                AddCombination(path, $"must validate one and only one schema (oneOf). {(valid == 0 ? "Found none valid" : $"Found {valid} valid alternatives")}");
        }
        if (rules.Not is { } not && Fits(value, not, path))
            AddCombination(path, "must not validate the schema (not)");
    }

    private bool Fits(JsonNode value, SchemaNode schema, string path) => Validate(value, schema, path, except).Count == 0;

    private static bool TypeFits(JsonNode value, SchemaNode schema)
    {
        if (schema.IntOrString)
            return value.Text() is not null || value.Whole() is not null;
        return schema.Type switch
        {
            SchemaType.Object => value is JsonObject,
            SchemaType.Array => value is JsonArray,
            SchemaType.String => value.Text() is not null,
            SchemaType.Integer => value.Whole() is not null,
            SchemaType.Number => value.IsNumber(),
            SchemaType.Boolean => value is JsonValue flag && flag.GetValueKind() is JsonValueKind.True or JsonValueKind.False,
            _ => true,
        };
    }

    internal static string TypeName(JsonNode? value) => value switch
    {
        null => "null",
        JsonObject => "object",
        JsonArray => "array",
        _ when value.Text() is not null => "string",
        _ when value.IsNumber() => value.Whole() is null ? "number" : "integer",
        _ => "boolean",
    };

    private void AddType(string path, SchemaNode schema, string actual)
    {
        string wanted = schema.IntOrString ? "integer,string" : schema.Type.ToString().ToLowerInvariant();
        _errors.Add(new FieldError(path, FieldErrorType.TypeInvalid, $"\"{actual}\"", $"{path} in body must be of type {wanted}: \"{actual}\""));
    }

    private void AddCombination(string path, string what) => _errors.Add(new FieldError(path, FieldErrorType.Invalid, "\"\"", $"\"{path}\" {what}"));

    private void Add(string path, string value, string what) => _errors.Add(new FieldError(path, FieldErrorType.Invalid, value, $"{path} in body {what}"));

    private static string Number(double number) => number.ToString(System.Globalization.CultureInfo.InvariantCulture);

    private static string Join(string path, string name) => path.Length == 0 ? name : path + "." + name;
}
