using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;

namespace Ote.Ctl.Cli;

/// <summary>Durations as people write them: <c>30s</c>, <c>5m</c>, <c>1h30m</c>, <c>7d</c>.</summary>
internal static class Durations
{
    private static readonly TimeSpan Most = TimeSpan.FromDays(3650);

    /// <summary>An option that takes a duration; null when it was not given.</summary>
    internal static Option<TimeSpan?> Option(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "DURATION",
        CustomParser = result => Read(result, name),
    };

    /// <summary>Reads a positive duration of at most ten years.</summary>
    internal static bool TryParse(string text, out TimeSpan duration)
    {
        duration = TimeSpan.Zero;
        var rest = text.AsSpan();
        while (!rest.IsEmpty)
        {
            var digits = rest.IndexOfAnyExceptInRange('0', '9');
            if (digits is <= 0 or > 9)
            {
                return false;
            }

            var number = long.Parse(rest[..digits], NumberStyles.None, CultureInfo.InvariantCulture);
            var unit = rest[digits] switch { 's' => 1L, 'm' => 60, 'h' => 3600, 'd' => 86400, _ => 0 };
            if (unit == 0 || number * unit > Most.TotalSeconds)
            {
                return false;
            }

            duration += TimeSpan.FromSeconds(number * unit);
            rest = rest[(digits + 1)..];
        }

        return duration > TimeSpan.Zero && duration <= Most;
    }

    /// <summary>The shortest text that <see cref="TryParse"/> reads back.</summary>
    internal static string Format(TimeSpan duration)
    {
        var parts = new (long Amount, string Unit)[] { (duration.Days, "d"), (duration.Hours, "h"), (duration.Minutes, "m"), (duration.Seconds, "s") };
        return string.Concat(parts.Where(p => p.Amount > 0).Select(p => p.Amount.ToString(CultureInfo.InvariantCulture) + p.Unit));
    }

    private static TimeSpan Read(ArgumentResult result, string name)
    {
        var text = result.Tokens[0].Value;
        if (!TryParse(text, out var duration))
        {
            result.AddError($"{name}: '{text}' is no duration from 1s to {Format(Most)}; write for example 30s, 5m, 1h30m or 7d");
        }

        return duration;
    }
}
