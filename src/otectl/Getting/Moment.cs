using System.CommandLine;
using System.Globalization;
using Ote.Ctl.Cli;

namespace Ote.Ctl.Getting;

/// <summary>A moment as people write it: RFC 3339, of which the seconds may be left out, or how long ago it was.</summary>
/// <param name="At">The moment; null: it was asked for by its age.</param>
/// <param name="Ago">How long ago.</param>
internal sealed record Moment(DateTimeOffset? At, TimeSpan Ago)
{
    private static readonly string[] Forms = ["yyyy-MM-dd'T'HH:mmK", "yyyy-MM-dd'T'HH:mm:ssK", "yyyy-MM-dd'T'HH:mm:ss.FFFFFFFK"];

    internal static Option<Moment?> Option(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "TIME",
        CustomParser = result =>
        {
            var text = result.Tokens[0].Value;
            if (TryParse(text, out var moment))
            {
                return new Moment(moment, TimeSpan.Zero);
            }

            // Of what was only the past is asked for, so that the sign may be left out.
            if (Durations.TryParse(text.StartsWith('-') ? text[1..] : text, out var ago))
            {
                return new Moment(null, ago);
            }

            result.AddError($"{name}: '{text}' is no moment; write for example 2026-11-23T09:00Z, 2026-11-23T10:00:00+01:00, or 10m for ten minutes ago");
            return null;
        },
    };

    /// <summary>The moment itself.</summary>
    internal DateTimeOffset By(DateTimeOffset now) => At ?? now - Ago;

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
