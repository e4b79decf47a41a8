namespace Ote.Cluster.Failover;

/// <summary>
/// When to return to the parent a cluster was set up with: after it has stood well without a break for a time that doubles with each
/// return that did not last, and halves with each that did. Pure; times are milliseconds of one monotonic clock; one owner.
/// </summary>
internal sealed class HomeWatch
{
    private readonly FailoverOptions _options;
    private long _goodSince = -1;
    private long _arrived = -1;

    public HomeWatch(FailoverOptions options)
    {
        _options = options;
        Required = (long)options.StableFor.TotalMilliseconds;
    }

    /// <summary>How long home must stand well, in milliseconds.</summary>
    public long Required { get; private set; }

    /// <summary>A probe of home has ended. True: it has stood well for long enough.</summary>
    /// <param name="good">It answered, is who it should be and knows of the root.</param>
    /// <param name="now">When.</param>
    public bool Probed(bool good, long now)
    {
        if (!good)
        {
            _goodSince = -1;
            return false;
        }

        if (_goodSince < 0)
        {
            _goodSince = now;
        }

        return now - _goodSince >= Required;
    }

    /// <summary>The cluster is attached at home.</summary>
    /// <param name="returned">It came from another parent; only such an arrival can turn out to have been too early.</param>
    /// <param name="now">When.</param>
    public void Arrived(bool returned, long now) => (_arrived, _goodSince) = (returned ? now : -1, -1);

    /// <summary>Home was left because somebody wished it, as when it is drained: that tells nothing of how well it stands.</summary>
    public void Left() => (_arrived, _goodSince) = (-1, -1);

    /// <summary>The link at home was lost.</summary>
    public void Lost(long now)
    {
        if (_arrived < 0)
        {
            return;
        }

        var least = (long)_options.StableFor.TotalMilliseconds;
        var lasted = now - _arrived;
        Required = lasted < 4 * Required
            ? Math.Min(2 * Required, (long)_options.MaxStableFor.TotalMilliseconds)
            : Math.Max(Required / 2, least);
        (_arrived, _goodSince) = (-1, -1);
    }
}
