using System.Text.Json.Nodes;

namespace Ote.Kube.Server.Schema.Rules;

/// <summary>Collects the faults of one object, up to a bound, with the checks that many kinds share.</summary>
internal sealed class Faults
{
    /// <summary>A refusal that lists more than this helps nobody.</summary>
    private const int Max = 200;

    private readonly List<FieldError> _errors = [];

    public IReadOnlyList<FieldError> Errors => _errors;

    public void Add(FieldError error)
    {
        if (_errors.Count < Max && !_errors.Contains(error))
            _errors.Add(error);
    }

    public void Invalid(string path, JsonNode? value, string detail) => Add(FieldError.Invalid(path, value, detail));

    public void Invalid(string path, string? value, IEnumerable<string> complaints)
    {
        foreach (string complaint in complaints)
            Add(FieldError.Invalid(path, value, complaint));
    }

    public void Required(string path, string detail = "") => Add(FieldError.Required(path, detail));

    public void Forbidden(string path, string detail) => Add(FieldError.Forbidden(path, detail));

    /// <summary>Whole numbers that may be absent but not negative.</summary>
    public void NotNegative(JsonObject? from, string path, params ReadOnlySpan<string> names)
    {
        foreach (string name in names)
        {
            if (from.At(name).Whole() is < 0)
                Invalid($"{path}.{name}", from.At(name), "must be greater than or equal to 0");
        }
    }

    /// <summary>A port number from 1 to 65535.</summary>
    public void Port(string path, JsonNode? value)
    {
        if (value.Whole() is not { } number || number is < 1 or > 65535)
            Invalid(path, value ?? JsonValue.Create(0), "must be between 1 and 65535, inclusive");
    }

    /// <summary>A text that must be there and fit a rule for names.</summary>
    public void Name(string path, string? name, Func<string, IEnumerable<string>> rule)
    {
        if (string.IsNullOrEmpty(name))
            Required(path);
        else
            Invalid(path, name, rule(name));
    }

    /// <summary>A field that, once set, keeps its value.</summary>
    public void Immutable(JsonObject before, JsonObject after, params ReadOnlySpan<string> path)
    {
        if (!JsonNode.DeepEquals(before.At(path), after.At(path)))
            Invalid(string.Join('.', path), after.At(path), "field is immutable");
    }
}
