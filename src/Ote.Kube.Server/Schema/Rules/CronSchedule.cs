using System.Globalization;

namespace Ote.Kube.Server.Schema.Rules;

/// <summary>Whether a cron schedule of five fields, or one of the words such as <c>@daily</c>, can be read.</summary>
internal static class CronSchedule
{
    private static readonly (int Min, int Max, string[] Names)[] s_fields =
    [
        (0, 59, []), (0, 23, []), (1, 31, []),
        (1, 12, ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]),
        (0, 6, ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]),
    ];

    /// <summary>What is wrong with the schedule; null when it can be read.</summary>
    public static string? Fault(string schedule)
    {
        if (schedule.StartsWith("TZ=", StringComparison.Ordinal) || schedule.StartsWith("CRON_TZ=", StringComparison.Ordinal))
            return "cannot use TZ or CRON_TZ in schedule, use timeZone field instead";
        if (schedule is "@yearly" or "@annually" or "@monthly" or "@weekly" or "@daily" or "@midnight" or "@hourly")
            return null;
        if (schedule.StartsWith("@every ", StringComparison.Ordinal))
            return Validation.GoDuration.TryParse(schedule["@every ".Length..], out _) ? null : $"failed to parse duration {schedule}";
        if (schedule.StartsWith('@'))
            return $"unrecognized descriptor: {schedule}";
        string[] fields = schedule.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        if (fields.Length != 5)
            return $"expected exactly 5 fields, found {fields.Length}: [{string.Join(' ', fields)}]";
        for (int i = 0; i < 5; i++)
        {
            foreach (string part in fields[i].Split(','))
            {
                if (Part(part, s_fields[i].Min, s_fields[i].Max, s_fields[i].Names) is { } fault)
                    return fault;
            }
        }
        return null;
    }

    private static string? Part(string part, int min, int max, string[] names)
    {
        string[] step = part.Split('/');
        if (step.Length > 2)
            return $"too many slashes: {part}";
        if (step.Length == 2 && (!int.TryParse(step[1], NumberStyles.None, CultureInfo.InvariantCulture, out int by) || by == 0))
            return $"step of range should be a positive number: {part}";
        if (step[0] is "*" or "?")
            return null;
        string[] range = step[0].Split('-');
        if (range.Length > 2)
            return $"too many hyphens: {part}";
        int? from = Number(range[0], min, names), to = range.Length == 2 ? Number(range[1], min, names) : from;
        if (from is null || to is null)
            return $"failed to parse int from {step[0]}";
        if (from < min)
            return $"beginning of range ({from}) below minimum ({min}): {part}";
        if (to > max)
            return $"end of range ({to}) above maximum ({max}): {part}";
        return from > to ? $"beginning of range ({from}) beyond end of range ({to}): {part}" : null;
    }

    private static int? Number(string text, int min, string[] names)
    {
        int named = Array.IndexOf(names, text.ToLowerInvariant());
        return named >= 0 ? named + min : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number : null;
    }
}
