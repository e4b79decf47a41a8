using System.Globalization;
using Google.Protobuf;
using Microsoft.Extensions.Logging;
using Ote.Cluster.Journal;
using Ote.Cluster.Tunnel;
using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Handling;

/// <summary>
/// Receipts on their way up. They are on disk before they count as taken, travel in batches, and leave the disk when the parent
/// acknowledged them, which it does when they are durable there. Thread-safe.
/// </summary>
/// <param name="journal">Where they wait.</param>
/// <param name="log">Where trouble is told.</param>
internal sealed class ReceiptOutbox(IJournal journal, ILogger log)
{
    public const string Book = "receipts";
    private const int MaxReceipts = 500;
    private const int MaxBytes = 512 * 1024;

    // More than the parent may leave unacknowledged until its next heartbeat (Session.FewMessages): a full flight is acknowledged soon.
    internal const int MaxBatchesInFlight = 8;

    private readonly Lock _gate = new();
    private readonly Queue<Waiting> _waiting = new();
    private readonly SemaphoreSlim _signal = new(0);
    private ulong _next;

    /// <summary>Batches not yet handed to the link.</summary>
    public int Count
    {
        get
        {
            lock (_gate)
            {
                return _waiting.Count;
            }
        }
    }

    /// <summary>Takes up what the last run left. Call once, first.</summary>
    public void Restore()
    {
        foreach (var row in journal.Load(Book))
        {
            _next = Math.Max(_next, ulong.Parse(row.Key, CultureInfo.InvariantCulture) + 1);
            Enqueue(new Waiting([row.Key], [.. ReceiptBatch.Parser.ParseFrom(row.Value).Receipts]));
        }
    }

    /// <summary>Completes when the receipts, and whatever must become durable with them, are on disk.</summary>
    public async Task AddAsync(IReadOnlyList<Receipt> receipts, params JournalChange[] together)
    {
        string key;
        lock (_gate)
        {
            key = (_next++).ToString("d20", CultureInfo.InvariantCulture);
        }

        var row = JournalChange.Put(Book, key, new ReceiptBatch { Receipts = { receipts } }.ToByteArray());
        await journal.WriteAsync([.. together, row]).ConfigureAwait(false);
        Enqueue(new Waiting([key], receipts));
    }

    /// <summary>Sends over one link until it is lost or the token fires; what was not acknowledged waits for the next link.</summary>
    public async Task SendAsync(ILink link, CancellationToken ct)
    {
        using var room = new SemaphoreSlim(MaxBatchesInFlight);
        while (!ct.IsCancellationRequested && link.IsUp)
        {
            try
            {
                await room.WaitAsync(ct).ConfigureAwait(false);
                await _signal.WaitAsync(ct).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                return;
            }

            _ = DeliverAsync(link, NextBatch(), room, ct);
        }
    }

    private async Task DeliverAsync(ILink link, Waiting? batch, SemaphoreSlim room, CancellationToken ct)
    {
        try
        {
            if (batch is null)
            {
                return;
            }

            var message = new Message { Lane = Lane.Commands, Receipts = new ReceiptBatch { Receipts = { batch.Receipts } } };
            await link.SendDurableAsync(message, ct).ConfigureAwait(false);
            await journal.ForgetAsync(Book, batch.Keys).ConfigureAwait(false);
        }
        catch (Exception lost) when (lost is LinkClosedException or OperationCanceledException)
        {
            Enqueue(batch!);
        }
        catch (ArgumentException tooLarge) when (batch!.Receipts.Any(r => !r.Body.IsEmpty))
        {
            // A parent may take smaller messages than this one's children. That it ran counts more than what was answered.
            log.ReceiptsCut(link.Peer.Name, tooLarge.Message);
            Enqueue(new Waiting(batch.Keys, [.. batch.Receipts.Select(WithoutBody)]));
        }
        catch (JournalException broken)
        {
            // The parent has them; the rows are sent once more after a restart, where they change nothing.
            log.JournalFailed("receipts", broken);
        }
        finally
        {
            try
            {
                room.Release();
            }
            catch (ObjectDisposedException)
            {
                // The link's sender has ended; nobody waits for room.
            }
        }
    }

    private Waiting? NextBatch()
    {
        lock (_gate)
        {
            if (!_waiting.TryDequeue(out var batch))
            {
                return null;
            }

            var size = batch.Receipts.Sum(r => r.CalculateSize());
            var keys = new List<string>(batch.Keys);
            var receipts = new List<Receipt>(batch.Receipts);
            while (_waiting.TryPeek(out var more)
                && receipts.Count + more.Receipts.Count <= MaxReceipts
                && (size += more.Receipts.Sum(r => r.CalculateSize())) <= MaxBytes)
            {
                _waiting.Dequeue();
                keys.AddRange(more.Keys);
                receipts.AddRange(more.Receipts);
            }

            return new Waiting(keys, receipts);
        }
    }

    private static Receipt WithoutBody(Receipt receipt)
    {
        var copy = receipt.Clone();
        copy.Truncated |= !copy.Body.IsEmpty;
        copy.Body = ByteString.Empty;
        return copy;
    }

    private void Enqueue(Waiting batch)
    {
        lock (_gate)
        {
            _waiting.Enqueue(batch);
        }

        _signal.Release();
    }

    private sealed record Waiting(IReadOnlyCollection<string> Keys, IReadOnlyList<Receipt> Receipts);
}
