using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Ote.Kube.Server.Lifecycle;
using Ote.Kube.Server.Schema;

namespace Ote.Kube.Server.Http;

/// <summary>The options of a write that say who writes, checked and worded as in the real server.</summary>
internal static class WriteOptions
{
    private const int MaxManager = 128;
    private const string DryRunAll = "All";

    /// <summary>Who is noted as the writer: who says so, else the program that asks.</summary>
    /// <exception cref="ApiError">422 for a name that cannot be one.</exception>
    public static string Manager(HttpRequest request)
    {
        if (request.Query.Text("fieldManager") is { } manager)
        {
            return Checked(manager, Options(request));
        }

        var agent = request.Headers.UserAgent.ToString();
        var slash = agent.IndexOf('/', StringComparison.Ordinal);
        var name = new StringBuilder();
        var length = 0;
        foreach (var rune in (slash < 0 ? agent : agent[..slash]).EnumerateRunes())
        {
            if (!IsPrintable(rune))
            {
                continue;
            }

            length += rune.Utf8SequenceLength;
            if (length > MaxManager)
            {
                break;
            }

            name.Append(rune);
        }

        return name.Length == 0 ? "unknown" : name.ToString();
    }

    /// <summary>Whether everything but the write is wanted.</summary>
    /// <exception cref="ApiError">422 for another word than <c>All</c>.</exception>
    public static bool DryRun(HttpRequest request)
    {
        string[] asked = [.. request.Query["dryRun"].OfType<string>().Where(text => text.Length > 0)];
        return DryRun(asked, Options(request));
    }

    /// <summary>The same of a list that came in a body.</summary>
    /// <param name="asked">The list.</param>
    /// <param name="options">The kind of the options it stands in, for the words.</param>
    /// <exception cref="ApiError">422 for another word than <c>All</c>.</exception>
    public static bool DryRun(IReadOnlyCollection<string?> asked, string options) => asked.All(text => text == DryRunAll) ? asked.Count > 0
        : throw ApiError.InvalidOptions(options, [FieldError.NotSupported("dryRun", new JsonArray([.. asked.Select(text => (JsonNode?)text)]), [DryRunAll])]);

    /// <summary>What is to be done about fields that the schema does not know.</summary>
    /// <exception cref="ApiError">422 for a word that there is not.</exception>
    public static FieldValidation Validation(HttpRequest request) => request.Query.Text("fieldValidation") switch
    {
        _ when request.Method == "DELETE" => FieldValidation.Warn, // which takes no fields
        null or "Warn" => FieldValidation.Warn,
        "Ignore" => FieldValidation.Ignore,
        "Strict" => FieldValidation.Strict,
        var other => throw ApiError.InvalidOptions(Options(request), [FieldError.NotSupported("fieldValidation", other, ["", "Ignore", "Strict", "Warn"])]),
    };

    /// <summary>An apply must name its manager, and nothing but an apply may be forced.</summary>
    /// <exception cref="ApiError">422.</exception>
    public static void CheckPatch(IQueryCollection query, bool applies)
    {
        if (applies && query.Text("fieldManager") is null)
        {
            throw Invalid("PatchOptions", "fieldManager", "FieldValueRequired", "Required value: is required for apply patch");
        }

        if (!applies && query.ContainsKey("force"))
        {
            throw Invalid("PatchOptions", "force", "FieldValueForbidden", "Forbidden: may not be specified for non-apply patch");
        }
    }

    /// <summary>The kind of the options that come in a request's query.</summary>
    private static string Options(HttpRequest request) => request.Method switch { "POST" => "CreateOptions", "PUT" => "UpdateOptions", "DELETE" => "DeleteOptions", _ => "PatchOptions" };

    private static string Checked(string manager, string options)
    {
        if (Encoding.UTF8.GetByteCount(manager) > MaxManager)
        {
            throw Invalid(options, "fieldManager", "FieldValueTooLong", $"Too long: may not be more than {MaxManager} bytes");
        }

        var at = 0;
        foreach (var rune in manager.EnumerateRunes())
        {
            if (!IsPrintable(rune))
            {
                var shown = FieldError.Quote(manager);
                throw Invalid(options, "fieldManager", "FieldValueInvalid", string.Create(CultureInfo.InvariantCulture, $"Invalid value: {shown}: invalid character U+{rune.Value:X4} (at position {at})"));
            }

            at += rune.Utf8SequenceLength;
        }

        return manager;
    }

    private static bool IsPrintable(Rune rune) => rune.Value == ' ' || Rune.GetUnicodeCategory(rune) is not (
        UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.Surrogate or UnicodeCategory.PrivateUse or UnicodeCategory.OtherNotAssigned
        or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator or UnicodeCategory.SpaceSeparator);

    private static ApiError Invalid(string options, string field, string reason, string message) => new(
        422, "Invalid", $"{options}.meta.k8s.io \"\" is invalid: {field}: {message}",
        new JsonObject
        {
            ["group"] = "meta.k8s.io",
            ["kind"] = options,
            ["causes"] = new JsonArray(new JsonObject { ["reason"] = reason, ["message"] = message, ["field"] = field }),
        });
}
