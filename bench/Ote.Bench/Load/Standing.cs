using System.Text.Json.Nodes;

namespace Ote.Bench.Load;

/// <summary>Where one client of the load process stands, and what it has been through.</summary>
/// <param name="Parent">Whose child it is now; null while it has no link.</param>
/// <param name="Since">When it was last attached, by the machine's monotonic clock, which all processes share.</param>
/// <param name="LostAt">When it last noticed that a link was lost; 0 when never.</param>
/// <param name="Attachments">How often it has been attached.</param>
/// <param name="Others">Other parents it knows the way to.</param>
/// <param name="Ran">Commands its cluster has carried out.</param>
/// <param name="Twice">Commands its cluster has carried out more than once.</param>
internal sealed record Standing(string? Parent, long Since, long LostAt, int Attachments, int Others = 0, int Ran = 0, int Twice = 0)
{
    public JsonArray ToJson() => new(Parent, Since, LostAt, Attachments, Others, Ran, Twice);

    public static Standing From(JsonNode said) =>
        new((string?)said[0], (long)said[1]!, (long)said[2]!, (int)said[3]!, (int)said[4]!, (int)said[5]!, (int)said[6]!);
}

/// <summary>How the clients of load processes stand.</summary>
internal static class Standings
{
    private static readonly TimeSpan Between = TimeSpan.FromMilliseconds(500);

    /// <summary>All clients of a load process.</summary>
    public static async Task<IReadOnlyList<Standing>> StandingsAsync(this ChildProcess load, CancellationToken ct) =>
        [.. ((JsonArray)(await load.AskAsync(new JsonObject { ["do"] = "standings" }, ct))["standings"]!).Select(s => Standing.From(s!))];

    /// <summary>Asks until what is said fits, or the patience is over: what was said last then shows what is missing.</summary>
    public static async Task<IReadOnlyList<Standing>> UntilAsync(
        this ChildProcess load, Func<IReadOnlyList<Standing>, bool> fits, TimeSpan patience, TimeProvider time, CancellationToken ct)
    {
        var start = time.GetTimestamp();
        while (true)
        {
            var now = await load.StandingsAsync(ct);
            if (fits(now) || time.GetElapsedTime(start) > patience)
            {
                return now;
            }

            await Task.Delay(Between, time, ct);
        }
    }

    /// <summary>Seconds from a moment to the one before which a share of all events came; events that have not come count as never.</summary>
    public static double Percentile(this IEnumerable<long> events, double share, long from, TimeProvider time)
    {
        var all = events.Select(e => e <= from ? double.PositiveInfinity : time.GetElapsedTime(from, e).TotalSeconds).Order().ToArray();
        return all[Math.Max(0, (int)Math.Ceiling(all.Length * share) - 1)];
    }
}
