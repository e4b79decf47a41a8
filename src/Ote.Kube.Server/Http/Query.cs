using System.Globalization;
using Microsoft.AspNetCore.Http;

namespace Ote.Kube.Server.Http;

/// <summary>Reads query parameters; a malformed one is a 400, never a guess.</summary>
internal static class Query
{
    /// <summary>The text, or null when absent or empty.</summary>
    public static string? Text(this IQueryCollection query, string name) =>
        query.TryGetValue(name, out var values) && values.Count > 0 && values[^1] is { Length: > 0 } text ? text : null;

    /// <summary>True for <c>1</c>, <c>true</c> and a bare name, as the real server reads booleans.</summary>
    public static bool Flag(this IQueryCollection query, string name)
    {
        if (!query.TryGetValue(name, out var values) || values.Count == 0)
        {
            return false;
        }

        var text = values[^1] ?? "";
        return text.Length == 0 || !(text == "0" || text.Equals("false", StringComparison.OrdinalIgnoreCase));
    }

    /// <summary>A whole number of at least zero, or null when absent.</summary>
    public static long? Whole(this IQueryCollection query, string name)
    {
        if (query.Text(name) is not { } text)
        {
            return null;
        }

        return long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number
            : throw ApiError.BadRequest($"{name}: Invalid value: \"{text}\": must be a whole number of at least 0");
    }

    /// <summary>A whole number, or null when absent.</summary>
    public static long? Number(this IQueryCollection query, string name)
    {
        if (query.Text(name) is not { } text)
        {
            return null;
        }

        return long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number)
            ? number
            : throw ApiError.BadRequest($"{name}: Invalid value: \"{text}\": must be a whole number");
    }

    /// <summary>A resourceVersion: null when unset, else its number.</summary>
    public static long? Revision(this IQueryCollection query)
    {
        if (query.Text("resourceVersion") is not { } text)
        {
            return null;
        }

        return long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number
            : throw ApiError.BadRequest($"resourceVersion: Invalid value: \"{text}\": strconv.ParseUint: parsing \"{text}\": invalid syntax");
    }
}
