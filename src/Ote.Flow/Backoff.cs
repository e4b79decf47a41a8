namespace Ote.Flow;

/// <summary>How waiting between attempts grows.</summary>
/// <param name="Initial">The first wait. Must be positive.</param>
/// <param name="Maximum">No wait is longer than this, jitter included.</param>
/// <param name="Factor">Each wait is this many times the one before; at least 1.</param>
/// <param name="Jitter">Share of a wait that is random, 0 to 1: 0.5 spreads a wait over [0.5 w, w].</param>
public sealed record BackoffOptions(TimeSpan Initial, TimeSpan Maximum, double Factor = 2, double Jitter = 0.5)
{
    /// <summary>100 ms growing to 15 s, half of it random.</summary>
    public static BackoffOptions Default { get; } = new(TimeSpan.FromMilliseconds(100), TimeSpan.FromSeconds(15));
}

/// <summary>
/// Growing, jittered, bounded waits. Jitter keeps many clients that lost the same peer from returning together.
/// Not thread-safe: one owner.
/// </summary>
/// <param name="options">The growth.</param>
/// <param name="random">Uniform in [0, 1).</param>
public sealed class Backoff(BackoffOptions options, Func<double> random)
{
    private double _next = options.Initial.TotalMilliseconds;

    /// <summary>How many waits were handed out since the last <see cref="Reset"/>.</summary>
    public int Attempts { get; private set; }

    /// <summary>The next wait; each call grows the one after.</summary>
    public TimeSpan Next()
    {
        var wait = Math.Min(_next, options.Maximum.TotalMilliseconds);
        _next = Math.Min(wait * Math.Max(1, options.Factor), options.Maximum.TotalMilliseconds);
        Attempts++;
        return TimeSpan.FromMilliseconds(wait * (1 - options.Jitter * random()));
    }

    /// <summary>Starts over; call it after a success that lasted.</summary>
    public void Reset()
    {
        _next = options.Initial.TotalMilliseconds;
        Attempts = 0;
    }
}
