using Microsoft.Extensions.Logging;
using Ote.Flow;
using Ote.Shim;
using Ote.Shim.Contract;

namespace Ote.Cluster.Handling;

/// <summary>
/// Watches whether the managed cluster and its shim answer, and what it has, and tells changes up with the own route: at once, then at most every
/// <see cref="Pause"/>, the newest word each time, so that a shim that comes and goes costs little; figures that change while all nodes stay as they are at most every
/// <see cref="FiguresPause"/>, since pods come and go all the time. Thread-safe.
/// </summary>
/// <param name="shim">Drives the managed cluster; over the network or a socket it finds a shim that hangs within 15 seconds.</param>
/// <param name="tell">Says it of the own cluster.</param>
/// <param name="time">The clock.</param>
/// <param name="log">Where it logs.</param>
internal sealed class LocalWatch(IClusterShim shim, Action<LocalReport> tell, TimeProvider time, ILogger log)
{
    /// <summary>From one word to the next.</summary>
    public static readonly TimeSpan Pause = TimeSpan.FromSeconds(10);

    /// <summary>From one word to the next while only figures change.</summary>
    public static readonly TimeSpan FiguresPause = TimeSpan.FromSeconds(60);

    private readonly Signal _signal = new();
    private bool? _reports;
    private volatile LocalReport? _now;

    /// <summary>The last word; null before the first.</summary>
    public LocalReport? Now => _now;

    /// <summary>Watches until stopped.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(stop);
        var telling = TellAsync(ending.Token);
        try
        {
            await foreach (var word in shim.WatchReadinessAsync(stop).ConfigureAwait(false))
            {
                if (word.Ready && _now is not { IsReachable: true, Reports: not null })
                {
                    _reports = await AskAsync(stop).ConfigureAwait(false); // another shim may be there than before
                }

                Learn(word);
            }

            stop.ThrowIfCancellationRequested();
            Learn(new Readiness { Text = "the shim has stopped" });
            await telling.ConfigureAwait(false); // it ends with this
        }
        finally
        {
            await ending.CancelAsync().ConfigureAwait(false);
            await telling.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Whether the shim reports; null: it does not say now, and is asked again at its next word.</summary>
    private async Task<bool?> AskAsync(CancellationToken stop)
    {
        if (shim is not IReportSource)
        {
            return false;
        }

        try
        {
            return (await shim.DescribeAsync(stop).ConfigureAwait(false)).Reports;
        }
#pragma warning disable CA1031 // A shim of anybody's: that it cannot be asked is no reason not to tell what it said by itself.
        catch (Exception fault) when (!stop.IsCancellationRequested)
#pragma warning restore CA1031
        {
            log.ShimNotDescribed(fault.Message);
            return null;
        }
    }

    private void Learn(Readiness word)
    {
        var before = _now;
        var text = word.Ready ? "" : LocalReport.Short(word.Text.Length > 0 ? word.Text : "the local cluster does not answer its shim");
        var figures = LocalReport.IsSound(word.Summary) ? word.Summary : before?.Figures; // while it does not answer, what it had last
        var next = new LocalReport(
            word.Ready, text, before?.IsReachable == word.Ready ? before.Since : time.GetUtcNow().ToUnixTimeSeconds(), word.Ready ? LocalReport.Short(word.ClusterVersion) : before?.Version ?? "", figures, _reports,
            word.Ready ? LocalReport.Short(word.ReportsLack, LocalReport.MaxLack) : before?.ReportsLack ?? "");
        if (next == before)
        {
            return;
        }

        _now = next;
        if (!word.Ready && before?.IsReachable != false)
        {
            log.LocalClusterLost(text);
        }
        else if (word.Ready && before is { IsReachable: false })
        {
            log.LocalClusterBack();
        }

        _signal.Set();
    }

    private async Task TellAsync(CancellationToken stop)
    {
        using var figures = time.CreateTimer(static signal => ((Signal)signal!).Set(), _signal, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        LocalReport? told = null;
        var last = time.GetTimestamp();
        while (true)
        {
            await _signal.WaitAsync(stop).ConfigureAwait(false);
            if (_now is not { } now || now == told)
            {
                continue;
            }

            if (told is not null && IsOfFiguresAlone(told, now) && FiguresPause - time.GetElapsedTime(last) is var left && left > TimeSpan.Zero)
            {
                figures.Change(left, Timeout.InfiniteTimeSpan); // it is looked at again then, and at whatever else comes
                continue;
            }

            tell(told = now);
            last = time.GetTimestamp();
            await Task.Delay(Pause, time, stop).ConfigureAwait(false);
        }
    }

    /// <summary>Whether a word says nothing new but figures, of nodes that are as many and as well as they were.</summary>
    internal static bool IsOfFiguresAlone(LocalReport told, LocalReport now) =>
        now with { Figures = told.Figures } == told && told.Figures is not null && (told.Figures.Nodes, told.Figures.NodesReady) == (now.Figures?.Nodes, now.Figures?.NodesReady);
}
