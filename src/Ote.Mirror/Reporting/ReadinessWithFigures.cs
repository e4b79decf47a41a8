using System.Runtime.CompilerServices;
using Ote.Flow;
using Ote.Shim.Contract;

namespace Ote.Mirror.Reporting;

/// <summary>Puts a cluster's figures, and what is not there to be reported, beside what its shim says of its readiness: a word at each change of either, of figures alone one each <see cref="Gathering"/> at most.</summary>
/// <param name="tally">The figures.</param>
/// <param name="lag">How long changes take to followers, which is one of the figures.</param>
/// <param name="awaited">What is to be reported and is not there.</param>
/// <param name="time">The clock.</param>
internal sealed class ReadinessWithFigures(ClusterTally tally, ReportLag lag, AwaitedKinds awaited, TimeProvider time)
{
    /// <summary>For so long changes of figures are gathered.</summary>
    public static readonly TimeSpan Gathering = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(10);
    private readonly Signal _news = new();
    private volatile Readiness? _word;
    private volatile bool _ended;
    private int _gathering;

    /// <summary>Ends with the words of the shim, or by <paramref name="ct"/>. Once only.</summary>
    public async IAsyncEnumerable<Readiness> WatchAsync(IAsyncEnumerable<Readiness> words, [EnumeratorCancellation] CancellationToken ct)
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(ct);
        using var timer = time.CreateTimer(static self => ((ReadinessWithFigures)self!).Gathered(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        Action figures = () =>
        {
            if (Interlocked.Exchange(ref _gathering, 1) == 0)
            {
                timer.Change(Gathering, Timeout.InfiniteTimeSpan);
            }
        };
        var hearing = HearAsync(words, ending.Token);
        tally.Changed += figures;
        lag.Changed += figures;
        awaited.Changed += figures;
        using var looking = time.CreateTimer(static lag => ((ReportLag)lag!).Look(), lag, LookEvery, LookEvery);
        try
        {
            Readiness? told = null;
            while (!_ended)
            {
                await _news.WaitAsync(ct).ConfigureAwait(false);
                if (_word is not { } word)
                {
                    continue;
                }

                var next = word.Clone();
                next.Summary = tally.Now;
                next.ReportsLack = awaited.Text;
                if (next.Summary is { } summary && lag.Now is { } behind)
                {
                    summary.ReportLagMilliseconds = 1 + (ulong)behind.TotalMilliseconds;
                }

                if (!next.Equals(told))
                {
                    told = next;
                    yield return next.Clone();
                }
            }
        }
        finally
        {
            tally.Changed -= figures;
            lag.Changed -= figures;
            awaited.Changed -= figures;
            await ending.CancelAsync().ConfigureAwait(false);
            await hearing.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        await hearing.ConfigureAwait(false); // its fault is the caller's
    }

    private void Gathered()
    {
        Interlocked.Exchange(ref _gathering, 0);
        _news.Set();
    }

    private async Task HearAsync(IAsyncEnumerable<Readiness> words, CancellationToken ct)
    {
        try
        {
            await foreach (var word in words.WithCancellation(ct).ConfigureAwait(false))
            {
                _word = word;
                _news.Set();
            }
        }
        finally
        {
            _ended = true;
            _news.Set();
        }
    }
}
