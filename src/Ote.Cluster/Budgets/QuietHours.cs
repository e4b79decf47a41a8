using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace Ote.Cluster.Budgets;

/// <summary>A part of each day, by the site's own time: <c>22:00-06:00</c> goes past midnight. The begin belongs to it, the end does not.</summary>
/// <param name="From">Minute of the day it begins at, 0 to 1439.</param>
/// <param name="To">Minute of the day it ends at, 0 to 1439, another than <paramref name="From"/>.</param>
public readonly record struct QuietHours(int From, int To)
{
    private const int DayMinutes = 24 * 60;

    /// <summary>Reads <c>HH:MM-HH:MM</c>.</summary>
    public static bool TryParse(string text, out QuietHours hours, [NotNullWhen(false)] out string? error)
    {
        ArgumentNullException.ThrowIfNull(text);
        hours = default;
        error = null;
        var dash = text.IndexOf('-', StringComparison.Ordinal);
        if (dash > 0
            && TimeOnly.TryParseExact(text.AsSpan(0, dash), "HH:mm", CultureInfo.InvariantCulture, DateTimeStyles.None, out var from)
            && TimeOnly.TryParseExact(text.AsSpan(dash + 1), "HH:mm", CultureInfo.InvariantCulture, DateTimeStyles.None, out var to)
            && from != to)
        {
            hours = new QuietHours((from.Hour * 60) + from.Minute, (to.Hour * 60) + to.Minute);
            return true;
        }

        error = $"'{text}' are no quiet hours; write two different times of the day, for example 22:00-06:00";
        return false;
    }

    /// <inheritdoc/>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{From / 60:00}:{From % 60:00}-{To / 60:00}:{To % 60:00}");

    internal bool IsInRange => From is >= 0 and < DayMinutes && To is >= 0 and < DayMinutes && From != To;

    /// <summary>How long it still lasts at a time of the day; zero when that is not within it.</summary>
    internal TimeSpan Left(TimeSpan timeOfDay)
    {
        var (from, to) = (TimeSpan.FromMinutes(From), TimeSpan.FromMinutes(To));
        return from < to
            ? timeOfDay >= from && timeOfDay < to ? to - timeOfDay : TimeSpan.Zero
            : timeOfDay < to ? to - timeOfDay
            : timeOfDay >= from ? to + TimeSpan.FromDays(1) - timeOfDay : TimeSpan.Zero;
    }
}
