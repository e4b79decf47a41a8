using Ote.Flow;

namespace Ote.Cluster.Failover;

/// <summary>
/// Links that break right after they came up, at whichever parent: the fault is most likely this cluster's own, as a full disk is, another parent does not
/// mend it, and each attachment is told up to the root. The first ones cost nothing, since parents do die one after the other; then
/// nobody is dialled for a time that grows. Pure; times are milliseconds of one monotonic clock.
/// </summary>
internal sealed class FlapDamping(BackoffOptions options, Func<double> random)
{
    /// <summary>Links that may break in a row without a wait.</summary>
    public const int Free = 2;

    private readonly Backoff _backoff = new(options, random);
    private int _broken;

    /// <summary>When somebody may be dialled again.</summary>
    public long Until { get; private set; }

    /// <summary>A link lasted.</summary>
    public void Held()
    {
        (_broken, Until) = (0, 0);
        _backoff.Reset();
    }

    /// <summary>A link broke right after it came up.</summary>
    /// <returns>How long nobody is to be dialled.</returns>
    public TimeSpan Broke(long now)
    {
        if (_broken < Free)
        {
            _broken++;
            return TimeSpan.Zero;
        }

        var wait = _backoff.Next();
        Until = now + (long)wait.TotalMilliseconds;
        return wait;
    }
}
