using System.Globalization;

namespace Ote.Kube.Server.Schema.Validation;

/// <summary>A moment as Kubernetes writes it: RFC 3339 in UTC, in whole seconds or, where a field wants it so, in microseconds; what is finer is cut off.</summary>
internal static class CanonicalTime
{
    private const string Seconds = "yyyy-MM-dd'T'HH:mm:ss'Z'";
    private const string Micro = "yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'";

    /// <summary>The text of the moment; null when it is none.</summary>
    public static string? Of(string text, bool micro)
    {
        int point = text.IndexOf('.', StringComparison.Ordinal);
        int end = point < 0 ? point : text.AsSpan(point + 1).IndexOfAnyExceptInRange('0', '9') + point + 1;
        // .NET reads seven digits behind the point, which are more than are kept; Go reads nine.
        string read = end - point > 8 ? text[..(point + 8)] + text[end..] : text;
        bool hasZone = read is [.., 'Z'] or [.., '+' or '-', _, _, ':', _, _];
        return hasZone && DateTimeOffset.TryParseExact(read, "yyyy-MM-dd'T'HH:mm:ss.FFFFFFFK", CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out DateTimeOffset moment)
            ? moment.UtcDateTime.ToString(micro ? Micro : Seconds, CultureInfo.InvariantCulture) : null;
    }
}
