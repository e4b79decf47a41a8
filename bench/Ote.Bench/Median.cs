namespace Ote.Bench;

/// <summary>Several rounds of one thing, the first of which only warms up.</summary>
/// <param name="Milliseconds">The middle one's time.</param>
/// <param name="Cpu">Milliseconds of this process's CPU, mean of the rounds: steadier than time on a busy machine.</param>
internal readonly record struct Median(double Milliseconds, double Cpu)
{
    public static async Task<Median> OfAsync(int rounds, Func<int, Task<TimeSpan>> round)
    {
        await round(0);
        var before = Environment.CpuUsage.TotalTime;
        var times = new double[rounds];
        for (var i = 0; i < rounds; i++)
        {
            times[i] = (await round(i + 1)).TotalMilliseconds;
        }

        Array.Sort(times);
        return new Median(times[rounds / 2], (Environment.CpuUsage.TotalTime - before).TotalMilliseconds / rounds);
    }
}
