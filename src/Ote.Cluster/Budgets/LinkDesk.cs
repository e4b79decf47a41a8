using Microsoft.Extensions.Logging;
using Ote.Cluster.Handling;
using Ote.Cluster.Journal;
using Ote.Cluster.Tunnel;
using Ote.Flow;
using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Budgets;

/// <summary>
/// Looks after the own link to the parent: carries an operator's budget out at both ends, keeps the day's count on disk, and tells those
/// above what the link costs. Thread-safe.
/// </summary>
/// <param name="own">What outlives the process.</param>
/// <param name="tunnel">The link; null before it is made.</param>
/// <param name="tell">Says of the own cluster which budget is in force and what its link costs; null leaves the cost as told.</param>
/// <param name="time">The clock.</param>
/// <param name="log">Where it logs.</param>
internal sealed class LinkDesk(OwnBudget own, Func<EdgeTunnel?> tunnel, Action<ulong, LinkReport?> tell, TimeProvider time, ILogger log)
{
    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(30);

    // Where a day may be used up, a site that is killed soon after must not begin it anew.
    private static readonly TimeSpan LookWhileCapped = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan KeepEvery = TimeSpan.FromMinutes(1);
    private readonly SemaphoreSlim _one = new(1, 1);
    private readonly Signal _wished = new();

    /// <summary>An operator's wish: completes when it is on disk and in force here; the parent is told on the present link, or by the next Hello.</summary>
    public async Task WishAsync(SetBudget wish)
    {
        if (!BudgetWire.TryRead(wish.Budget, out var budget, out var fault))
        {
            log.ParentMessageRefused("SetBudget", fault);
            return;
        }

        await _one.WaitAsync().ConfigureAwait(false);
        try
        {
            await own.SetAsync(budget, wish.Generation).ConfigureAwait(false);
            tunnel()?.Limit(own.Current, own.Revision);
            var said = BudgetWire.ToWire(own.Current, own.Revision);
            said.Today = tunnel()?.Today.ToWire(); // the parent may have this link since a while ago only
            var told = new Message { Lane = Lane.Control, BudgetChanged = said };
            if (tunnel()?.Link is { } link && !link.TrySend(told) && link.IsUp)
            {
                link.Close("no room for the budget of this link"); // the next Hello has it
            }
        }
        finally
        {
            _one.Release();
        }

        _wished.Set();
        log.BudgetSet(own.Current?.ToString() ?? "none");
        tell(budget.Digest(), null);
    }

    /// <summary>Keeps the count and tells the cost until stopped, then keeps it a last time. A cap that is reached is kept and told within seconds.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        LinkReport? told = null;
        var wasSpent = false;
        var (toldAt, keptAt) = (time.GetTimestamp(), time.GetTimestamp());
        try
        {
            while (true)
            {
                await PauseAsync(own.Current?.DailyBytes is null ? LookEvery : LookWhileCapped, stop).ConfigureAwait(false);
                if (tunnel() is not { } edge)
                {
                    continue;
                }

                var cost = edge.Cost;
                var isUsedUp = cost.IsSpent && !wasSpent;
                wasSpent = cost.IsSpent;
                if (cost.Budget?.DailyBytes is not null && (isUsedUp || time.GetElapsedTime(keptAt) >= KeepEvery))
                {
                    keptAt = time.GetTimestamp();
                    await KeepAsync(edge).ConfigureAwait(false);
                }

                var report = LinkReport.Of(cost, time.GetUtcNow());
                if (edge.Link is not null && report.IsNews(told, time.GetElapsedTime(toldAt)))
                {
                    (told, toldAt) = (report, time.GetTimestamp());
                    tell(own.Current?.Digest() ?? 0, report);
                }
            }
        }
        finally
        {
            if (tunnel() is { } edge)
            {
                await KeepAsync(edge).ConfigureAwait(false);
            }
        }
    }

    /// <summary>Ends early with a wish, which may be a cap.</summary>
    private async Task PauseAsync(TimeSpan longest, CancellationToken stop)
    {
        using var nap = CancellationTokenSource.CreateLinkedTokenSource(stop);
        var wished = _wished.WaitAsync(nap.Token).AsTask();
        await Task.WhenAny(wished, Task.Delay(longest, time, nap.Token)).ConfigureAwait(false);
        await nap.CancelAsync().ConfigureAwait(false);
        await wished.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        stop.ThrowIfCancellationRequested();
    }

    private async Task KeepAsync(EdgeTunnel edge)
    {
        await _one.WaitAsync().ConfigureAwait(false);
        try
        {
            await own.KeepAsync(edge.Today).ConfigureAwait(false);
        }
        catch (JournalException broken)
        {
            log.JournalFailed("the link's count", broken); // it is written again; at worst the day's count is short by what was not kept
        }
        finally
        {
            _one.Release();
        }
    }
}
