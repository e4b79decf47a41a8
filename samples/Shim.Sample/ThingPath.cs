using System.Globalization;
using System.Text.RegularExpressions;

namespace Shim.Sample;

/// <summary>The one form of URL that the toy cluster knows.</summary>
internal readonly partial record struct ThingPath(string Name, bool Append, TimeSpan Wait)
{
    public static bool TryParse(string url, out ThingPath path)
    {
        Match match = Form().Match(url);
        path = match.Success
            ? new ThingPath(
                match.Groups["name"].Value,
                match.Groups["append"].Success,
                match.Groups["wait"] is { Success: true } wait ? TimeSpan.FromSeconds(int.Parse(wait.ValueSpan, CultureInfo.InvariantCulture)) : TimeSpan.Zero)
            : default;
        return match.Success;
    }

    [GeneratedRegex(@"\A/things/(?<name>[A-Za-z0-9-]{1,63})(?<append>/append)?(\?wait=(?<wait>[0-9]{1,3}))?\z", RegexOptions.CultureInvariant)]
    private static partial Regex Form();
}
