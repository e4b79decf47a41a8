using Microsoft.Extensions.Logging;
using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Handling;

/// <summary>Where a child's receipts come in: only those of its own subtree, and only what a cluster can say at all, go further. For several threads.</summary>
/// <param name="routes">Who is where.</param>
/// <param name="take">Takes receipts durably.</param>
/// <param name="violated">Counts what no child may say.</param>
/// <param name="time">The clock.</param>
/// <param name="log">Where it logs.</param>
internal sealed class ReceiptIntake(RouteKeeper routes, Func<IReadOnlyList<Receipt>, Task> take, Action<ViolationReason> violated, TimeProvider time, ILogger log)
{
    /// <summary>Takes what can be kept of a batch; done when that is durable.</summary>
    /// <param name="child">Who brings it.</param>
    /// <param name="batch">What it brings; a receipt with a word out of bounds is changed.</param>
    public Task TakeAsync(string child, ReceiptBatch batch)
    {
        var own = routes.Read(t => batch.Receipts.Where(r => t.IsBehind(r.Cluster, child)).ToArray());
        if (own.Length < batch.Receipts.Count)
        {
            foreach (var foreign in batch.Receipts.Except(own))
            {
                if (routes.Read(t => t.HasClaimed(foreign.Cluster, child)))
                {
                    log.ReceiptBehind(foreign.Cluster, child); // it brings them itself, where it is now
                }
                else
                {
                    log.Forged("receipt", foreign.Cluster, child);
                }
            }
        }

        var sound = Sound(own, child);
        return sound.Count == 0 ? Task.CompletedTask : take(sound);
    }

    /// <summary>
    /// What of a child's receipts can be kept. The link stays: a child that only carries what hangs below it may be of an older build, which
    /// does not look, and would bring the same again.
    /// </summary>
    private List<Receipt> Sound(Receipt[] receipts, string child)
    {
        var sound = new List<Receipt>(receipts.Length);
        string? told = null;
        foreach (var receipt in receipts)
        {
            var objection = ReceiptCheck.Objection(receipt);
            if (objection is null)
            {
                sound.Add(receipt);
            }

            if ((objection ?? ReceiptCheck.Mend(receipt, time.GetUtcNow())) is { } fault)
            {
                violated(ViolationReason.BadReceipt);
                if (told is null)
                {
                    log.ReceiptUnsound(receipt.Cluster, child, told = fault); // once a batch
                }
            }
        }

        return sound;
    }
}
