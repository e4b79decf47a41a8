using Ote.Flow;

namespace Ote.Cluster.Lateral;

/// <summary>When a lateral peer is dialled again: ever more rarely, up to two minutes, as the tree carries the messages meanwhile. One owner.</summary>
/// <param name="random">Uniform in [0, 1).</param>
internal sealed class LateralRedial(Func<double> random)
{
    private static readonly BackoffOptions Growth = new(TimeSpan.FromMilliseconds(500), TimeSpan.FromMinutes(2));
    private static readonly TimeSpan Lasting = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan LongestAsked = TimeSpan.FromMinutes(10);
    private readonly Backoff _backoff = new(Growth, random);
    private string? _cause;

    /// <summary>The next wait.</summary>
    /// <param name="asked">What the peer asked for; null: nothing.</param>
    public TimeSpan Next(TimeSpan? asked)
    {
        var wait = _backoff.Next();
        return asked is { } longer && longer > wait ? (longer < LongestAsked ? longer : LongestAsked) : wait;
    }

    /// <summary>A link has ended after a time: one that held begins anew.</summary>
    public void Lasted(TimeSpan time)
    {
        _cause = null;
        if (time >= Lasting)
        {
            _backoff.Reset();
        }
    }

    /// <summary>Whether this is another cause than the last.</summary>
    public bool IsNewCause(string cause) => cause != Interlocked.Exchange(ref _cause, cause);
}
