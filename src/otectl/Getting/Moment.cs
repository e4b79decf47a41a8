using System.CommandLine;
using System.Globalization;

namespace Ote.Ctl.Getting;

/// <summary>A moment as people write it: RFC 3339, of which the seconds may be left out.</summary>
internal static class Moment
{
    private static readonly string[] Forms = ["yyyy-MM-dd'T'HH:mmK", "yyyy-MM-dd'T'HH:mm:ssK", "yyyy-MM-dd'T'HH:mm:ss.FFFFFFFK"];

    internal static Option<DateTimeOffset?> Option(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "TIME",
        CustomParser = result =>
        {
            var text = result.Tokens[0].Value;
            if (TryParse(text, out var moment))
            {
                return moment;
            }

            result.AddError($"{name}: '{text}' is no moment; write for example 2026-11-23T09:00Z or 2026-11-23T10:00:00+01:00");
            return null;
        },
    };

    /// <summary>Without a zone nobody knows which moment is meant.</summary>
    internal static bool TryParse(string text, out DateTimeOffset moment)
    {
        moment = default;
        return text is [.., 'Z'] or [.., '+' or '-', _, _, ':', _, _]
            && DateTimeOffset.TryParseExact(text, Forms, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out moment);
    }

    /// <summary>As it is sent.</summary>
    internal static string Format(DateTimeOffset moment) => moment.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.FFFFFFF'Z'", CultureInfo.InvariantCulture);
}
