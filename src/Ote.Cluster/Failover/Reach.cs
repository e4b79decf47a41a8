using Ote.Flow;

namespace Ote.Cluster.Failover;

/// <summary>What is known of reaching one parent. Pure; times are milliseconds of one monotonic clock.</summary>
internal sealed class Reach(BackoffOptions options, Func<double> random)
{
    private readonly Backoff _backoff = new(options, random);

    /// <summary>Attempts that failed since the last success.</summary>
    public int Failures => _backoff.Attempts;

    /// <summary>When it may be dialled again.</summary>
    public long NextTry { get; private set; }

    /// <summary>When an attempt last came to nothing; negative: none did since the last success.</summary>
    public long FailedAt { get; private set; } = -1;

    /// <summary>Whether the last attempt met nobody, rather than one that said no or a link that did not hold.</summary>
    public bool IsSilent { get; private set; }

    /// <summary>The last measured round trip in milliseconds; negative: not measured.</summary>
    public long RoundTrip { get; set; } = -1;

    /// <summary>It did not answer.</summary>
    /// <returns>The wait.</returns>
    public TimeSpan Silent(long now, TimeSpan most)
    {
        var wait = Failed(now, TimeSpan.Zero, most);
        IsSilent = true;
        return wait;
    }

    /// <summary>It said no; come again after the wait, not sooner than it asked, not later than <paramref name="most"/>.</summary>
    /// <returns>The wait.</returns>
    public TimeSpan Failed(long now, TimeSpan asked, TimeSpan most)
    {
        var wait = _backoff.Next();
        if (asked > wait)
        {
            wait = asked * (1 + (0.5 * random()));
        }

        return Leave(now, wait < most ? wait : most);
    }

    /// <summary>It said no for good; a person must change something.</summary>
    /// <returns>The wait.</returns>
    public TimeSpan RefusedForGood(long now, TimeSpan retry)
    {
        _backoff.Next();
        return Leave(now, retry * (0.5 + random()));
    }

    /// <summary>A link to it held; the next attempt is free.</summary>
    public void Succeeded()
    {
        _backoff.Reset();
        (NextTry, FailedAt, IsSilent) = (0, -1, false);
    }

    /// <summary>A link to it did not hold for long: the next attempt waits like one after a failure.</summary>
    public void Broke(long now) => Leave(now, _backoff.Next());

    private TimeSpan Leave(long now, TimeSpan wait)
    {
        (NextTry, FailedAt, IsSilent) = (now + (long)wait.TotalMilliseconds, now, false);
        return wait;
    }
}
