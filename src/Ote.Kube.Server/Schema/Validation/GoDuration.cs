using System.Buffers;
using System.Globalization;

namespace Ote.Kube.Server.Schema.Validation;

/// <summary>Durations as Go writes them: <c>300ms</c>, <c>-1.5h</c>, <c>2h45m</c>.</summary>
internal static class GoDuration
{
    private static readonly SearchValues<char> s_digits = SearchValues.Create("0123456789.");

    public static bool TryParse(string text, out TimeSpan duration)
    {
        duration = TimeSpan.Zero;
        ReadOnlySpan<char> rest = text;
        bool negative = rest is ['-', ..];
        if (rest is ['-' or '+', ..])
            rest = rest[1..];
        if (rest is "0")
            return true;
        double seconds = 0;
        bool any = false;
        while (rest.Length > 0)
        {
            int end = rest.IndexOfAnyExcept(s_digits);
            if (end <= 0 || !double.TryParse(rest[..end], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double number))
                return false;
            rest = rest[end..];
            int next = rest.IndexOfAny(s_digits);
            ReadOnlySpan<char> unit = next < 0 ? rest : rest[..next];
            double factor = unit switch { "h" => 3600, "m" => 60, "s" => 1, "ms" => 1e-3, "us" or "µs" => 1e-6, "ns" => 1e-9, _ => 0 };
            if (factor == 0)
                return false;
            seconds += number * factor;
            rest = rest[unit.Length..];
            any = true;
        }
        if (!any || seconds > TimeSpan.MaxValue.TotalSeconds / 2)
            return false;
        duration = TimeSpan.FromSeconds(negative ? -seconds : seconds);
        return true;
    }
}
