namespace Ote.Kube.Server.Schema.Validation;

/// <summary>
/// Reads a time as the real server's decoder does: RFC 3339 by Go's <c>time.Parse</c>, whose leniences (an hour of one digit, a comma before the fraction) and complaints are kept.
/// A MicroTime must have exactly six digits behind the point; any other time may have as many as it likes, or none.
/// </summary>
internal static class GoTime
{
    private const string Seconds = "2006-01-02T15:04:05Z07:00";
    private const string Micros = "2006-01-02T15:04:05.000000Z07:00";
    private const string SecondsWithFraction = "05.";
    private const int MicroDigits = 6;

    /// <summary>What is wrong with a text, in the decoder's words; null when nothing is.</summary>
    public static string? Fault(string text, bool micro) => Read(text, micro).Fault;

    /// <summary>The moment, to a tenth of a microsecond; null when the text is none, or none that .NET has (the year 0).</summary>
    public static DateTime? Moment(string text, bool micro) => Read(text, micro).Moment;

    private static (string? Fault, DateTime? Moment) Read(string text, bool micro)
    {
        Reader reader = new(text);
        foreach ((string before, string element) in Elements(micro))
        {
            if (!reader.Skip(before))
                return (Cannot(text, micro, reader.Rest, before), null);
            string held = reader.Rest;
            string? range = reader.Take(element, out bool fits);
            if (range is not null)
                return ($"parsing time {FieldError.Quote(text)}: {range} out of range", null);
            if (!fits)
                return (Cannot(text, micro, held, element is SecondsWithFraction ? "05" : element), null);
        }
        if (reader.Rest.Length > 0)
            return ($"parsing time {FieldError.Quote(text)}: extra text: {FieldError.Quote(reader.Rest)}", null);
        return reader.DayIsThere ? (null, reader.Moment()) : ($"parsing time {FieldError.Quote(text)}: day out of range", null);
    }

    private static string Cannot(string text, bool micro, string rest, string element) =>
        $"parsing time {FieldError.Quote(text)} as {FieldError.Quote(micro ? Micros : Seconds)}: cannot parse {FieldError.Quote(rest)} as {FieldError.Quote(element)}";

    /// <summary>The layout in pieces, each with what stands before it.</summary>
    private static IEnumerable<(string Before, string Element)> Elements(bool micro)
    {
        yield return ("", "2006");
        yield return ("-", "01");
        yield return ("-", "02");
        yield return ("T", "15");
        yield return (":", "04");
        yield return (":", micro ? "05" : SecondsWithFraction);
        if (micro)
            yield return ("", ".000000");
        yield return ("", "Z07:00");
    }

    private sealed class Reader(string text)
    {
        private int _at, _year, _month, _day, _hour, _minute, _second, _offset;
        private long _ticks;

        public string Rest => text[_at..];

        public bool DayIsThere => _day >= 1 && _day <= DateTime.DaysInMonth(_year == 0 ? 2000 : _year, _month); // the year 0 has its leap day

        public bool Skip(string before)
        {
            if (!text.AsSpan(_at).StartsWith(before))
                return false;
            _at += before.Length;
            return true;
        }

        /// <summary>Takes one element. The name of what is out of range; null when nothing is.</summary>
        public string? Take(string element, out bool fits)
        {
            switch (element)
            {
                case "2006":
                    fits = Number(4, out _year);
                    return null;
                case "01":
                    fits = Number(2, out _month);
                    return fits && _month is < 1 or > 12 ? "month" : null;
                case "02":
                    fits = Number(2, out _day);
                    return null; // which month has it is asked at the end
                case "15":
                    fits = Number(2, out _hour) || Number(1, out _hour);
                    return fits && _hour > 23 ? "hour" : null;
                case "04":
                    fits = Number(2, out _minute);
                    return fits && _minute > 59 ? "minute" : null;
                case ".000000":
                    fits = IsPoint && Digits(_at + 1) >= MicroDigits;
                    if (fits)
                        Fraction(MicroDigits);
                    return null;
                case "Z07:00":
                    return Zone(out fits);
                default:
                    fits = Number(2, out _second);
                    if (fits && _second > 59)
                        return "second";
                    if (element is SecondsWithFraction && IsPoint && Digits(_at + 1) > 0)
                        Fraction(Digits(_at + 1));
                    return null;
            }
        }

        public DateTime? Moment()
        {
            if (_year == 0)
                return null;
            DateTime local = new(_year, _month, _day, _hour, _minute, _second, DateTimeKind.Utc);
            long ticks = local.Ticks + _ticks - (_offset * TimeSpan.TicksPerMinute);
            return ticks < 0 || ticks > DateTime.MaxValue.Ticks ? null : new DateTime(ticks, DateTimeKind.Utc);
        }

        private bool IsPoint => _at < text.Length && text[_at] is '.' or ',';

        private int Digits(int from)
        {
            int end = from;
            while (end < text.Length && char.IsAsciiDigit(text[end]))
                end++;
            return end - from;
        }

        private bool Number(int digits, out int value)
        {
            value = 0;
            if (_at + digits > text.Length || Digits(_at) < digits)
                return false;
            value = int.Parse(text.AsSpan(_at, digits), System.Globalization.CultureInfo.InvariantCulture);
            _at += digits;
            return true;
        }

        /// <summary>Takes a point and digits, of which seven count.</summary>
        private void Fraction(int digits)
        {
            const int Kept = 7;
            string kept = text.Substring(_at + 1, Math.Min(digits, Kept)).PadRight(Kept, '0');
            _ticks = long.Parse(kept, System.Globalization.CultureInfo.InvariantCulture);
            _at += 1 + digits;
        }

        private string? Zone(out bool fits)
        {
            fits = true;
            if (_at < text.Length && text[_at] == 'Z')
            {
                _at++;
                return null;
            }
            fits = text.Length - _at >= 6 && text[_at] is '+' or '-' && text[_at + 3] == ':' && Digits(_at + 1) == 2 && Digits(_at + 4) >= 2;
            if (!fits)
                return null;
            int hours = int.Parse(text.AsSpan(_at + 1, 2), System.Globalization.CultureInfo.InvariantCulture);
            int minutes = int.Parse(text.AsSpan(_at + 4, 2), System.Globalization.CultureInfo.InvariantCulture);
            if (hours > 24)
                return "time zone offset hour";
            if (minutes > 60)
                return "time zone offset minute";
            _offset = ((hours * 60) + minutes) * (text[_at] == '-' ? -1 : 1);
            _at += 6;
            return null;
        }
    }
}
