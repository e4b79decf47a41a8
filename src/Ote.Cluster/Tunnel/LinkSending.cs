using System.Buffers;
using Ote.Cluster.Budgets;
using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Tunnel;

/// <content>The sending half.</content>
internal sealed partial class Link
{
    public bool TrySend(Message message) => TryQueue(SharedMessage.Create(message, runtime.Ids), null);

    public bool TrySend(Message message, string replaces) => TryQueue(SharedMessage.Create(message, runtime.Ids), replaces);

    public bool TrySend(SharedMessage message)
    {
        ArgumentNullException.ThrowIfNull(message);
        return TryQueue(message, null);
    }

    public ValueTask SendAsync(Message message, CancellationToken ct) => QueueAsync(SharedMessage.Create(message, runtime.Ids), null, ct);

    public async Task SendDurableAsync(Message message, CancellationToken ct)
    {
        TaskCompletionSource ticket = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await QueueAsync(SharedMessage.Create(message, runtime.Ids), ticket, ct).ConfigureAwait(false);
        await ticket.Task.WaitAsync(ct).ConfigureAwait(false);
    }

    /// <summary>Sends what is queued, on a pool thread.</summary>
    void IThreadPoolWorkItem.Execute() => _ = FlushAsync(); // handles its own faults

    private bool TryQueue(SharedMessage message, string? key)
    {
        CheckSize(message);
        int lane = Lanes.Index(message.Lane);
        Outgoing outgoing = Wrap(message, lane, key, null);
        bool start;
        int added;
        lock (conversation.Gate)
        {
            if (!TryQueueNeedsGate(lane, outgoing, out added)) return false;
            start = StartFlushNeedsGate();
        }

        AfterQueue(lane, added, start);
        return true;
    }

    private async ValueTask QueueAsync(SharedMessage message, object? ticket, CancellationToken ct)
    {
        CheckSize(message);
        int lane = Lanes.Index(message.Lane);
        Outgoing outgoing = Wrap(message, lane, null, ticket);
        while (true)
        {
            Task? room = null;
            bool start = false;
            int added;
            lock (conversation.Gate)
            {
                if (conversation.Current != this || closing is not null) throw new LinkClosedException(Peer, closing ?? "replaced");
                if (TryQueueNeedsGate(lane, outgoing, out added)) start = StartFlushNeedsGate();
                else room = conversation.RoomNeedsGate(lane);
            }

            if (room is null)
            {
                AfterQueue(lane, added, start);
                return;
            }

            await room.WaitAsync(ct).ConfigureAwait(false);
        }
    }

    // Compresses where it pays, without the gate: the sender's thread has the time.
    private Outgoing Wrap(SharedMessage message, int lane, string? key, object? ticket)
    {
        if (message.Size < PackingChoice.LeastBytes || !setup.Agreed.Compress || !PackingChoice.IsScarce(conversation.HasBudget, RoundTrip) || !conversation.Packing.ShouldTry(lane))
        {
            return new Outgoing(message.Body, key, ticket, queued: runtime.Now);
        }

        byte[]? packed = message.Packed;
        conversation.Packing.Tried(lane, packed is not null);
        return packed is null ? new Outgoing(message.Body, key, ticket, queued: runtime.Now) : new Outgoing(packed, key, ticket, message.Size, runtime.Now);
    }

    private void CheckSize(SharedMessage message)
    {
        if (message.Size > setup.Agreed.MaxMessageBytes)
        {
            throw new ArgumentException($"a message of {message.Size} bytes on lane {message.Lane}; {Peer} takes at most {setup.Agreed.MaxMessageBytes}", nameof(message));
        }
    }

    private bool TryQueueNeedsGate(int lane, Outgoing outgoing, out int added)
    {
        added = 0;
        if (conversation.Current != this || closing is not null) return false;
        int before = conversation.Session.Queued(lane);
        if (!conversation.Session.TryQueue(lane, outgoing)) return false;
        added = conversation.Session.Queued(lane) - before;
        return true;
    }

    private bool StartFlushNeedsGate()
    {
        if (flushing) return false;
        return flushing = true;
    }

    private void AfterQueue(int lane, int added, bool start)
    {
        if (added != 0) runtime.Metrics.Queued(lane, added);
        if (start) ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
    }

    /// <summary>Sends what may be sent; does not wait.</summary>
    public void Flush()
    {
        lock (conversation.Gate)
        {
            if (!StartFlushNeedsGate()) return;
        }

        ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
    }

    // When to look again for what the budget holds back; 0: the next heartbeat is soon enough, or there is nothing.
    private long WakeNeedsGate(Allowance allowance)
    {
        if (heldTimed || !conversation.Session.Holds(allowance) || allowance.Again >= conversation.Session.Due) return 0;
        heldTimed = true;
        return allowance.Again;
    }

    private async Task FlushAsync()
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent(Session.PacketBytes);
        try
        {
            // Asked outside the gate: it may take locks of its own.
            BeatFacts facts = setup.Beat?.Invoke() ?? BeatFacts.None;
            while (true)
            {
                int length = 0;
                long wake = 0;
                SentCounts sent = default;
                string? goodbye = null;
                Ack? lastAcks = null;
                lock (conversation.Gate)
                {
                    if (closing is not null)
                    {
                        if (!saidGoodbye) goodbye = closing;
                        saidGoodbye = true;
                        if (goodbye is not null && conversation.Current == this) lastAcks = conversation.Session.LastAcks();
                    }
                    else if (conversation.Current == this)
                    {
                        long now = runtime.Now;
                        Allowance allowance = conversation.Ledger.Decide(now);
                        length = conversation.Session.Build(buffer, now, acksDue, facts, allowance, ref sent);
                        acksDue = false;
                        if (length > 0) conversation.Ledger.CountSent(length, sent.Saved, now);
                        else wake = WakeNeedsGate(allowance);
                    }

                    if (length == 0 && goodbye is null) flushing = false;
                }

                if (length == 0 && goodbye is null)
                {
                    if (wake > 0) runtime.Timers.Schedule(this, wake, LinkTimer.Held);
                    return;
                }

                if (goodbye is not null)
                {
                    // What is acknowledged now need not be sent again to a peer that comes back without its memory.
                    byte[] packet = FrameWriter.Packet(Frame.KindOneofCase.Close, new Close { Reason = goodbye, Planned = IsPlanned });
                    if (lastAcks is not null) packet = [.. FrameWriter.Packet(Frame.KindOneofCase.Ack, lastAcks), .. packet];
                    await channel.SendAsync(packet, CancellationToken.None).ConfigureAwait(false);
                    await channel.CloseAsync(goodbye, CancellationToken.None).ConfigureAwait(false);
                    continue;
                }

                runtime.Metrics.Sent(sent, length);
                await channel.SendAsync(buffer.AsMemory(0, length), CancellationToken.None).ConfigureAwait(false);
            }
        }
#pragma warning disable CA1031 // Nobody awaits a flush: its fault ends the link, and the reader reports that.
        catch (Exception fault)
#pragma warning restore CA1031
        {
            // The flag stays up: a link whose channel failed never sends again.
            runtime.Log.SendEnded(Peer, fault.Message);
            channel.Abort();
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
