using System.Text.Json.Nodes;

namespace Ote.Kube.Server.Schema;

/// <summary>What kind of fault a field has; the words are those of the causes in a Kubernetes Status.</summary>
public enum FieldErrorType
{
    /// <summary>The value is malformed or out of bounds.</summary>
    Invalid,
    /// <summary>The value is of another JSON type.</summary>
    TypeInvalid,
    /// <summary>The field must be there.</summary>
    Required,
    /// <summary>The value is not one of the allowed ones.</summary>
    NotSupported,
    /// <summary>The value may occur once.</summary>
    Duplicate,
    /// <summary>The field may not be set, or not be changed.</summary>
    Forbidden,
    /// <summary>The text is too long.</summary>
    TooLong,
    /// <summary>The list has too many elements.</summary>
    TooMany,
    /// <summary>The value names something that is not there.</summary>
    NotFound,
    /// <summary>The object cannot be read as its kind at all: answer 400 BadRequest, not 422 Invalid.</summary>
    Undecodable,
}

/// <summary>One fault of one field, worded as the real server words it.</summary>
/// <param name="Path">Path such as <c>spec.template.spec.containers[0].name</c>; empty for the object itself.</param>
/// <param name="Type">What kind of fault.</param>
/// <param name="BadValue">The offending value as it is shown (texts with their quotes); empty when the kind of fault shows none.</param>
/// <param name="Detail">What is wrong with it; may be empty.</param>
public sealed record FieldError(string Path, FieldErrorType Type, string BadValue, string Detail)
{
    /// <summary>The reason in a Status cause.</summary>
    public string CauseReason => Type switch
    {
        FieldErrorType.Required => "FieldValueRequired",
        FieldErrorType.TypeInvalid => "FieldValueTypeInvalid",
        FieldErrorType.NotSupported => "FieldValueNotSupported",
        FieldErrorType.Duplicate => "FieldValueDuplicate",
        FieldErrorType.Forbidden => "FieldValueForbidden",
        FieldErrorType.TooLong => "FieldValueTooLong",
        FieldErrorType.TooMany => "FieldValueTooMany",
        FieldErrorType.NotFound => "FieldValueNotFound",
        _ => "FieldValueInvalid",
    };

    /// <summary>The text without the path, as a Status cause carries it.</summary>
    public string Message
    {
        get
        {
            string head = Type switch
            {
                FieldErrorType.Required => "Required value",
                FieldErrorType.Forbidden => "Forbidden",
                FieldErrorType.NotSupported => "Unsupported value: " + BadValue,
                FieldErrorType.Duplicate => "Duplicate value: " + BadValue,
                FieldErrorType.TooLong => "Too long",
                FieldErrorType.TooMany => "Too many: " + BadValue,
                FieldErrorType.NotFound => "Not found: " + BadValue,
                FieldErrorType.Undecodable => "",
                _ => "Invalid value: " + BadValue,
            };
            return head.Length == 0 ? Detail : Detail.Length == 0 ? head : head + ": " + Detail;
        }
    }

    /// <inheritdoc/>
    public override string ToString() => Type == FieldErrorType.Undecodable ? Detail : (Path.Length == 0 ? "<nil>" : Path) + ": " + Message;

    internal static FieldError Invalid(string path, JsonNode? value, string detail) => new(path, FieldErrorType.Invalid, Show(value), detail);

    internal static FieldError Required(string path, string detail = "") => new(path, FieldErrorType.Required, "", detail);

    internal static FieldError Forbidden(string path, string detail) => new(path, FieldErrorType.Forbidden, "", detail);

    internal static FieldError Duplicate(string path, JsonNode? value) => new(path, FieldErrorType.Duplicate, Show(value), "");

    internal static FieldError NotFound(string path, JsonNode? value) => new(path, FieldErrorType.NotFound, Show(value), "");

    internal static FieldError TooLong(string path, long max) => new(path, FieldErrorType.TooLong, "", $"may not be more than {max} bytes");

    internal static FieldError TooMany(string path, int count, long max) =>
        new(path, FieldErrorType.TooMany, count.ToString(System.Globalization.CultureInfo.InvariantCulture), $"must have at most {max} items");

    internal static FieldError NotSupported(string path, JsonNode? value, IEnumerable<string> allowed) =>
        new(path, FieldErrorType.NotSupported, Show(value), "supported values: " + string.Join(", ", allowed.Select(Quote)));

    internal static string Quote(string text) => JsonValue.Create(text).ToJsonString(ObjectJson.Plain);

    /// <summary>A value as texts show it: scalars as JSON, null as <c>null</c>.</summary>
    internal static string Show(JsonNode? value) => value is null ? "null" : value.ToJsonString(ObjectJson.Plain);
}
