using System.Globalization;

namespace Ote.Ctl.Output;

/// <summary>Durations the way kubectl rounds them: two units while small, one when large.</summary>
internal static class Age
{
    internal static string Since(DateTimeOffset? then, DateTimeOffset now) => then is { } moment ? Format(now - moment) : "<unknown>";

    internal static string Format(TimeSpan age)
    {
        if (age < TimeSpan.Zero)
        {
            return "0s";
        }

        var seconds = (long)age.TotalSeconds;
        var (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86400);
        return age switch
        {
            _ when seconds < 120 => Text($"{seconds}s"),
            _ when minutes < 10 => Two(minutes, "m", seconds % 60, "s"),
            _ when minutes < 180 => Text($"{minutes}m"),
            _ when hours < 8 => Two(hours, "h", minutes % 60, "m"),
            _ when hours < 48 => Text($"{hours}h"),
            _ when days < 8 => Two(days, "d", hours % 24, "h"),
            _ when days < 730 => Text($"{days}d"),
            _ when days < 2920 => Two(days / 365, "y", days % 365, "d"),
            _ => Text($"{days / 365}y"),
        };
    }

    private static string Two(long large, string largeUnit, long small, string smallUnit) =>
        small == 0 ? Text($"{large}{largeUnit}") : Text($"{large}{largeUnit}{small}{smallUnit}");

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
