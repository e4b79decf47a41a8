using Ote.Flow;

namespace Ote.Tests.Flow;

public sealed class BackoffTests
{
    private static readonly BackoffOptions Options = new(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(8), 2, 0.5);

    [Fact]
    public void Waits_grow_to_the_maximum_and_stay_there()
    {
        var backoff = new Backoff(Options, () => 0);
        Assert.Equal([1, 2, 4, 8, 8, 8], Enumerable.Range(0, 6).Select(_ => backoff.Next().TotalSeconds));
    }

    [Fact]
    public void Jitter_takes_at_most_its_share_away()
    {
        var backoff = new Backoff(Options, () => 0.999999);
        var first = backoff.Next().TotalSeconds;
        Assert.InRange(first, 0.5, 0.51);
    }

    [Fact]
    public void Reset_starts_over()
    {
        var backoff = new Backoff(Options, () => 0);
        backoff.Next();
        backoff.Next();
        backoff.Reset();
        Assert.Equal(1, backoff.Next().TotalSeconds);
        Assert.Equal(1, backoff.Attempts);
    }
}
