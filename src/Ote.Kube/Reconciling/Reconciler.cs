using Microsoft.Extensions.Logging;
using Ote.Flow;
using Ote.Kube.Client;

namespace Ote.Kube.Reconciling;

/// <summary>
/// Takes keys from a queue and runs one function on each, at most <paramref name="parallel"/> at a time and never twice at
/// once on one key. A function that throws runs again after a growing wait; a conflict with another writer runs again at
/// once and is not told.
/// </summary>
/// <param name="name">For the log.</param>
/// <param name="queue">Where keys come from.</param>
/// <param name="reconcile">Brings the world to what the key's object asks. It reads the truth itself.</param>
/// <param name="parallel">Keys worked on at once.</param>
/// <param name="log">Where failures go.</param>
public sealed class Reconciler(string name, WorkQueue<string> queue, Func<string, CancellationToken, Task<Next>> reconcile, int parallel, ILogger log)
{
    /// <summary>Works until stopped.</summary>
    public Task RunAsync(CancellationToken stop) => Task.WhenAll(Enumerable.Range(0, parallel).Select(_ => WorkAsync(stop)));

    private async Task WorkAsync(CancellationToken stop)
    {
        while (true)
        {
            string key;
            try
            {
                key = await queue.TakeAsync(stop).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                return;
            }

            try
            {
                var next = await reconcile(key, stop).ConfigureAwait(false);
                queue.Done(key);
                if (next.Delay is { } delay)
                {
                    queue.AddAfter(key, delay);
                }
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
                queue.Done(key);
                return;
            }
            catch (KubeStatusException conflict) when (conflict.IsConflict)
            {
                queue.Retry(key);
            }
#pragma warning disable CA1031 // The loop owns retry: any fault of one key is logged and tried again, and never stops the others.
            catch (Exception fault)
#pragma warning restore CA1031
            {
                log.ReconcileFailed(name, key, queue.Retry(key), fault);
            }
        }
    }
}
