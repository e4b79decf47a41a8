using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;
using Ote.Cluster.Budgets;
using Ote.Kube.Objects;
using Ote.Protocol.Tunnel;
using RouteEntry = Ote.Cluster.Routing.RouteEntry;

namespace Ote.Cluster.Handling;

/// <summary>
/// Sends the budgets operators wish for clusters' links until the clusters tell that they are in force: at once after an edit or a new
/// attachment, then ever more rarely, as a wish may be lost with a controller in between. Thread-safe for different clusters.
/// </summary>
internal sealed class BudgetWishes(Func<Message, Task> send, TimeProvider time, ILogger log)
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan LongestPause = TimeSpan.FromHours(1);
    private readonly ConcurrentDictionary<string, Attempt> _attempts = new(StringComparer.Ordinal);

    /// <summary>
    /// Sends what is due. An object without a budget wishes nothing, so that it does not take back what another control entry wished; one
    /// that limits nothing takes it back.
    /// </summary>
    /// <returns>When to look again; null: nothing is owed.</returns>
    public async Task<TimeSpan?> SendAsync(JsonObject cluster, RouteEntry entry)
    {
        if (cluster.At("spec", "linkBudget") is not JsonObject spec || !entry.Online)
        {
            return null;
        }

        var last = _attempts.GetValueOrDefault(entry.Name);
        var isNew = last is null || last.Generation != cluster.Generation() || last.Epoch != entry.Epoch;
        if (!BudgetSpec.TryRead(spec, out var budget, out var error))
        {
            if (isNew)
            {
                log.ParentMessageRefused("spec.linkBudget of " + entry.Name, error);
            }

            _attempts[entry.Name] = new Attempt(cluster.Generation(), entry.Epoch, time.GetTimestamp(), LongestPause);
            return null;
        }

        if (budget.Digest() == entry.Budget)
        {
            _attempts.TryRemove(entry.Name, out _);
            return null;
        }

        if (!isNew && last!.Pause - time.GetElapsedTime(last.At) is { Ticks: > 0 } left)
        {
            return left;
        }

        var pause = isNew ? FirstPause : TimeSpan.FromTicks(Math.Min(LongestPause.Ticks, 2 * last!.Pause.Ticks));
        _attempts[entry.Name] = new Attempt(cluster.Generation(), entry.Epoch, time.GetTimestamp(), pause);
        await send(new Message
        {
            Lane = Lane.Control,
            SetBudget = new SetBudget { Name = entry.Name, Budget = BudgetWire.ToWire(budget), Generation = (ulong)cluster.Generation() },
        }).ConfigureAwait(false);
        return pause;
    }

    /// <summary>The cluster is gone.</summary>
    public void Forget(string name) => _attempts.TryRemove(name, out _);

    private sealed record Attempt(long Generation, ulong Epoch, long At, TimeSpan Pause);
}
