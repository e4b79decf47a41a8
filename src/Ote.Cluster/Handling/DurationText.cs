using System.Globalization;
using System.Text;

namespace Ote.Cluster.Handling;

/// <summary>A length of time as Kubernetes writes it (Go's <c>time.Duration</c>, without parts that are zero): <c>200ms</c>, <c>1m30s</c>, <c>48h</c>. Pure.</summary>
internal static class DurationText
{
    /// <summary>Writes it, to the millisecond; negative ones as none.</summary>
    public static string Of(TimeSpan length)
    {
        if (length < TimeSpan.FromMilliseconds(1))
        {
            return "0s";
        }

        var text = new StringBuilder();
        foreach (var (amount, unit) in (ReadOnlySpan<(long, string)>)[((long)length.TotalHours, "h"), (length.Minutes, "m"), (length.Seconds, "s"), (length.Milliseconds, "ms")])
        {
            if (amount > 0)
            {
                text.Append(CultureInfo.InvariantCulture, $"{amount}{unit}");
            }
        }

        return text.ToString();
    }
}
