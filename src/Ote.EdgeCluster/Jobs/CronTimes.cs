using System.Globalization;

namespace Ote.EdgeCluster.Jobs;

/// <summary>
/// The times of a cron schedule: five fields (minute, hour, day of month, month, day of week; names, ranges, lists and steps), the words
/// such as <c>@daily</c>, and <c>@every 90m</c>. Times are minutes of the given time zone; one that a change of the clock leaves out
/// does not happen, one that comes twice happens once. Immutable.
/// </summary>
internal sealed class CronTimes
{
    private static readonly string[] Months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    private static readonly string[] Days = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

    private readonly bool[] _minutes = new bool[60];
    private readonly bool[] _hours = new bool[24];
    private readonly bool[] _dates = new bool[32];
    private readonly bool[] _months = new bool[13];
    private readonly bool[] _days = new bool[7];
    private readonly bool _anyDate;
    private readonly bool _anyDay;
    private readonly TimeSpan _every;
    private readonly TimeZoneInfo _zone;

    private CronTimes(TimeSpan every, TimeZoneInfo zone) => (_every, _zone) = (every, zone);

    private CronTimes(string[] fields, TimeZoneInfo zone)
    {
        _zone = zone;
        Fill(fields[0], _minutes, 0, []);
        Fill(fields[1], _hours, 0, []);
        Fill(fields[2], _dates, 1, []);
        Fill(fields[3], _months, 1, Months);
        Fill(fields[4], _days, 0, Days);
        (_anyDate, _anyDay) = (fields[2][0] is '*' or '?', fields[4][0] is '*' or '?');
    }

    /// <summary>Reads a schedule.</summary>
    /// <exception cref="FormatException">It cannot be read; the message says what is allowed.</exception>
    public static CronTimes Parse(string schedule, TimeZoneInfo zone)
    {
        var text = schedule.Trim() switch
        {
            "@yearly" or "@annually" => "0 0 1 1 *",
            "@monthly" => "0 0 1 * *",
            "@weekly" => "0 0 * * 0",
            "@daily" or "@midnight" => "0 0 * * *",
            "@hourly" => "0 * * * *",
            var other => other,
        };
        if (text.StartsWith("@every ", StringComparison.Ordinal))
        {
            return new CronTimes(Duration(text["@every ".Length..].Trim()), zone);
        }

        var fields = text.ToLowerInvariant().Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        return fields.Length == 5 ? new CronTimes(fields, zone) : throw new FormatException($"schedule '{schedule}' does not have 5 fields; write minute, hour, day of month, month and day of week");
    }

    /// <summary>The first time after <paramref name="after"/>; null when there is none within five years.</summary>
    public DateTimeOffset? Next(DateTimeOffset after)
    {
        if (_every > TimeSpan.Zero)
        {
            var ticks = _every.Ticks;
            return new DateTimeOffset(((after.UtcTicks / ticks) + 1) * ticks, TimeSpan.Zero);
        }

        var local = TimeZoneInfo.ConvertTime(after, _zone).DateTime;
        var at = new DateTime(local.Year, local.Month, local.Day, local.Hour, local.Minute, 0, DateTimeKind.Unspecified).AddMinutes(1);
        var end = at.AddYears(5);
        while (at < end)
        {
            if (!_months[at.Month])
            {
                at = new DateTime(at.Year, at.Month, 1, 0, 0, 0, DateTimeKind.Unspecified).AddMonths(1);
            }
            else if (!IsDay(at))
            {
                at = at.Date.AddDays(1);
            }
            else if (!_hours[at.Hour])
            {
                at = at.Date.AddHours(at.Hour + 1);
            }
            else if (!_minutes[at.Minute] || _zone.IsInvalidTime(at) || ToUtc(at) <= after)
            {
                at = at.AddMinutes(1);
            }
            else
            {
                return ToUtc(at);
            }
        }

        return null;
    }

    private DateTimeOffset ToUtc(DateTime at) => new DateTimeOffset(at, _zone.GetUtcOffset(at)).ToUniversalTime();

    /// <summary>Where both days are restricted, either will do: that is how cron has always had it.</summary>
    private bool IsDay(DateTime at) => (_anyDate, _anyDay) switch
    {
        (true, true) => true,
        (true, false) => _days[(int)at.DayOfWeek],
        (false, true) => _dates[at.Day],
        _ => _dates[at.Day] || _days[(int)at.DayOfWeek],
    };

    private static void Fill(string field, bool[] into, int least, string[] names)
    {
        foreach (var part in field.Split(','))
        {
            var step = part.Split('/');
            var by = step.Length == 2 ? Number(step[1], 0, []) : 1;
            var range = step[0].Split('-');
            var (from, to) = step[0] is "*" or "?" ? (least, into.Length - 1)
                : (Number(range[0], least, names), range.Length == 2 ? Number(range[1], least, names) : step.Length == 2 ? into.Length - 1 : Number(range[0], least, names));
            if (from < least || to >= into.Length || by < 1)
            {
                throw new FormatException($"'{part}' is outside of {least} to {into.Length - 1}");
            }

            for (var value = from; value <= to; value += by)
            {
                into[value] = true;
            }
        }
    }

    private static int Number(string text, int least, string[] names)
    {
        var name = Array.IndexOf(names, text);
        return name >= 0 ? name + least
            : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number
            : throw new FormatException($"'{text}' is no number");
    }

    /// <summary>As Go writes durations: 1h30m, 45s.</summary>
    private static TimeSpan Duration(string text)
    {
        var total = TimeSpan.Zero;
        var digits = 0;
        for (var i = 0; i < text.Length; i++)
        {
            if (char.IsAsciiDigit(text[i]) || text[i] == '.')
            {
                continue;
            }

            var unit = text[i] switch { 'h' => TimeSpan.FromHours(1), 'm' => TimeSpan.FromMinutes(1), 's' => TimeSpan.FromSeconds(1), _ => TimeSpan.Zero };
            if (unit == TimeSpan.Zero || !double.TryParse(text.AsSpan(digits, i - digits), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var count) || count > 100_000)
            {
                break;
            }

            total += count * unit;
            digits = i + 1;
        }

        return total >= TimeSpan.FromSeconds(1) && digits == text.Length ? total : throw new FormatException($"'{text}' is no duration of a second or more; write such as 90m or 1h30m");
    }
}
