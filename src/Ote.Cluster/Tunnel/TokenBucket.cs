namespace Ote.Cluster.Tunnel;

/// <summary>A rate with bursts of twice its second. Pure; times are milliseconds of any one clock.</summary>
internal struct TokenBucket(int perSecond)
{
    private double tokens = 2.0 * perSecond;
    private long last;

    /// <summary>Milliseconds to wait before there are tokens again; 0 when there are.</summary>
    public readonly long Peek(long now)
    {
        double there = tokens + ((now - last) * (double)perSecond / 1000);
        return there >= 0 ? 0 : (long)Math.Ceiling(-there * 1000 / perSecond);
    }

    /// <summary>Takes tokens, also beyond what is there; milliseconds to wait before taking more, 0 when none.</summary>
    public long Take(int count, long now)
    {
        tokens = Math.Min(2.0 * perSecond, tokens + ((now - last) * (double)perSecond / 1000));
        last = now;
        tokens -= count;
        return tokens >= 0 ? 0 : (long)Math.Ceiling(-tokens * 1000 / perSecond);
    }
}
