using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;
using Ote.Flow;
using Ote.Kube.Server.Schema;
using Ote.Kube.Server.Store;

namespace Ote.Kube.Server.Quotas;

/// <summary>
/// Counts the namespaces that have quotas, when something was stored by which less is used than was granted, and when a quota is new or another: what kube-controller-manager does
/// elsewhere. What it finds follows from what is stored, so nothing is lost with a restart. One task, idle until a commit leaves something to do.
/// </summary>
internal sealed class QuotaKeeper(QuotaTable table, QuotaLedger ledger, TimeProvider time, Func<double> random, ILogger log) : IAsyncDisposable
{
    private readonly WorkQueue<string> _queue = new(time, random);
    private readonly CancellationTokenSource _stop = new();
    private Task _run = Task.CompletedTask;

    /// <summary>A namespace has to be counted.</summary>
    public void Add(string ns) => _queue.Add(ns);

    /// <summary>Notes what a commit leaves to count. Called in commit order, after the table; returns at once.</summary>
    public void On(Change change)
    {
        if (table.Has(change.Key.Namespace) && UsesLess(change))
        {
            // Deletions come in crowds: all that come while one is counted are counted at once.
            _queue.Add(change.Key.Namespace);
        }
    }

    /// <summary>Begins, with all namespaces that have quotas.</summary>
    public void Start()
    {
        foreach (var ns in table.Namespaces)
        {
            _queue.Add(ns);
        }

        _run = Task.Run(() => RunAsync(_stop.Token), CancellationToken.None);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _run.ConfigureAwait(false);
        _queue.Dispose();
        _stop.Dispose();
    }

    /// <summary>Whether less may be used than before, or another amount is allowed. What uses more was charged when it came.</summary>
    private static bool UsesLess(Change change) => (change.Key.Resource, change.Kind) switch
    {
        (QuotaTable.Resource, ChangeKind.Modified) => !JsonNode.DeepEquals(Spec(change.Json), Spec(change.Previous!)),
        (QuotaTable.Resource, _) or (_, ChangeKind.Deleted) => true,
        (QuotaUsage.Services or QuotaUsage.Claims, ChangeKind.Modified) => true,
        (QuotaUsage.Pods, ChangeKind.Modified) => Ends(change.Json, change.Previous!),
        _ => false,
    };

    private static JsonNode? Spec(byte[] quota) => ObjectJson.Stored(quota)["spec"];

    /// <summary>A pod ended, or begins to go: it may have to be counted out without anybody confirming its end.</summary>
    private static bool Ends(byte[] now, byte[] before)
    {
        var (pod, old) = (ObjectJson.Stored(now), ObjectJson.Stored(before));
        return PodUsage.HasEnded(pod) != PodUsage.HasEnded(old) || PodUsage.ShouldBeGone(pod) != PodUsage.ShouldBeGone(old);
    }

    private async Task RunAsync(CancellationToken stop)
    {
        try
        {
            while (true)
            {
                var ns = await _queue.TakeAsync(stop).ConfigureAwait(false);
                try
                {
                    using (await ledger.TurnAsync(ns).ConfigureAwait(false))
                    {
                        if (await ledger.CountAsync(ns, stop).ConfigureAwait(false) is { } again)
                        {
                            _queue.AddAfter(ns, again - time.GetUtcNow() + TimeSpan.FromSeconds(1));
                        }
                    }

                    _queue.Done(ns);
                }
                catch (OperationCanceledException) when (stop.IsCancellationRequested)
                {
                    throw;
                }
#pragma warning disable CA1031 // The last owner of its work's faults: each is logged and tried again.
                catch (Exception fault)
#pragma warning restore CA1031
                {
                    log.CountingFailed(ns, _queue.Retry(ns), fault);
                }
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // Asked to stop: the next start counts all.
        }
    }
}
