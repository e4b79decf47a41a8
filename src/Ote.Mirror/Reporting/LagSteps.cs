namespace Ote.Mirror.Reporting;

/// <summary>Round figures of a lag: what is told upwards changes only with them, so that a cluster whose changes take 3 ms and then 4 ms tells nothing new.</summary>
internal static class LagSteps
{
    private static readonly TimeSpan[] Steps =
    [
        .. new[] { 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 30_000 }.Select(ms => TimeSpan.FromMilliseconds(ms)),
        .. new[] { 1, 2, 5, 10, 20, 30, 60, 120, 180, 360, 720, 1_440, 2_880, 10_080 }.Select(m => TimeSpan.FromMinutes(m)),
    ];

    /// <summary>The least of the figures that is no less; of more than a week, a week.</summary>
    public static TimeSpan? Up(TimeSpan? lag) => lag is not { } known ? null : Steps.FirstOrDefault(s => s >= known, Steps[^1]);
}
