using System.Diagnostics.CodeAnalysis;

namespace Ote.Cluster.Routing;

/// <summary>One tag of a cluster: a bare <c>key</c> or <c>key=value</c>.</summary>
/// <param name="Key">Up to 63 characters, optionally after a DNS prefix and '/'.</param>
/// <param name="Value">Null for a bare key.</param>
public readonly record struct Tag(string Key, string? Value)
{
    /// <summary>Longest key (without prefix) and longest value, in characters.</summary>
    public const int MaxLength = 63;

    private const int MaxPrefixLength = 253;
    private const string Allowed = "allowed are 1 to 63 characters of A-Z, a-z, 0-9, '-', '_' and '.', with a letter or digit first and last";

    /// <summary>Reads <c>key</c> or <c>key=value</c>; otherwise says what is wrong and what is allowed.</summary>
    public static bool TryParse(string? text, out Tag tag, [NotNullWhen(false)] out string? error)
    {
        tag = default;
        if (string.IsNullOrEmpty(text))
        {
            error = "a tag is empty; write key or key=value";
            return false;
        }

        int equals = text.IndexOf('=', StringComparison.Ordinal);
        string key = equals < 0 ? text : text[..equals];
        string? value = equals < 0 ? null : text[(equals + 1)..];
        error = CheckKey(key) ?? (value is null ? null : CheckValue(value));
        if (error is not null)
        {
            error = $"tag '{Shorten(text)}': {error}";
            return false;
        }

        tag = new Tag(key, value);
        return true;
    }

    /// <summary>Says what is wrong with a key; null when it is valid.</summary>
    public static string? CheckKey(string key)
    {
        int slash = key.IndexOf('/', StringComparison.Ordinal);
        if (slash < 0) return CheckPart("key", key);
        return CheckPrefix(key.AsSpan(0, slash)) ?? CheckPart("key", key[(slash + 1)..]);
    }

    /// <summary>Says what is wrong with a value; null when it is valid.</summary>
    public static string? CheckValue(string value) => CheckPart("value", value);

    /// <summary>The text form: <c>key</c> or <c>key=value</c>.</summary>
    public override string ToString() => Value is null ? Key : $"{Key}={Value}";

    private static string? CheckPart(string what, string part)
    {
        if (part.Length == 0) return $"the {what} is empty; {Allowed}";
        if (part.Length > MaxLength) return $"the {what} has {part.Length} characters; {Allowed}";
        for (int i = 0; i < part.Length; i++)
        {
            char c = part[i];
            if (char.IsAsciiLetterOrDigit(c)) continue;
            if (c is not ('-' or '_' or '.')) return $"the {what} has '{c}' at position {i}; {Allowed}";
            if (i == 0 || i == part.Length - 1) return $"the {what} {(i == 0 ? "starts" : "ends")} with '{c}'; {Allowed}";
        }

        return null;
    }

    private static string? CheckPrefix(ReadOnlySpan<char> prefix)
    {
        const string wanted = "the part before '/' must be a DNS name such as example.com";
        if (prefix.Length is 0 or > MaxPrefixLength) return wanted;
        foreach (Range label in prefix.Split('.'))
        {
            if (ClusterName.Check(prefix[label].ToString()) is not null) return wanted;
        }

        return null;
    }

    private static string Shorten(string text) => text.Length <= 80 ? text : text[..80] + "…";
}
