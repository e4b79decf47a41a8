using System.Globalization;
using System.Text.Json.Nodes;
using Ote.Kube.Server.Schema;

namespace Ote.Kube.Server.Tables;

/// <summary>Durations as kubectl users read them: two units at most, fewer the longer it is.</summary>
internal static class HumanAge
{
    public const string Unknown = "<unknown>";

    /// <summary>Time from an RFC 3339 stamp until now.</summary>
    public static string Since(JsonNode? stamp, DateTimeOffset now) => Parse(stamp) is { } then ? Of(now - then) : Unknown;

    public static DateTimeOffset? Parse(JsonNode? stamp) => stamp.Text() is { Length: > 0 } text
        && DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out DateTimeOffset then) ? then : null;

    public static string Of(TimeSpan time)
    {
        long seconds = (long)time.TotalSeconds;
        if (seconds < -1)
            return "<invalid>";
        if (seconds < 0)
            return "0s";
        if (seconds < 120)
            return $"{seconds}s";
        long minutes = seconds / 60;
        if (minutes < 10)
            return Two(minutes, "m", seconds % 60, "s");
        if (minutes < 180)
            return $"{minutes}m";
        long hours = minutes / 60;
        if (hours < 8)
            return Two(hours, "h", minutes % 60, "m");
        if (hours < 48)
            return $"{hours}h";
        long days = hours / 24;
        if (hours < 24 * 8)
            return Two(days, "d", hours % 24, "h");
        if (hours < 24 * 365 * 2)
            return $"{days}d";
        return hours < 24 * 365 * 8 ? Two(days / 365, "y", days % 365, "d") : $"{days / 365}y";
    }

    private static string Two(long large, string largeUnit, long small, string smallUnit) =>
        small == 0 ? $"{large}{largeUnit}" : $"{large}{largeUnit}{small}{smallUnit}";
}
