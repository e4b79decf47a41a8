namespace Ote.Bench;

/// <summary>The middle of several rounds, the first of which only warms up.</summary>
internal static class Median
{
    /// <summary>In milliseconds.</summary>
    public static async Task<double> OfAsync(int rounds, Func<int, Task<TimeSpan>> round)
    {
        await round(0);
        var times = new double[rounds];
        for (var i = 0; i < rounds; i++)
        {
            times[i] = (await round(i + 1)).TotalMilliseconds;
        }

        Array.Sort(times);
        return times[rounds / 2];
    }
}
