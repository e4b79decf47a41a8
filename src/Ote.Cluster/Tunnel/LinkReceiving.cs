using System.Diagnostics;
using Google.Protobuf;
using Ote.Cluster.Failover;
using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Tunnel;

/// <content>The receiving half.</content>
internal sealed partial class Link
{
    private async Task<string> ReceiveAsync()
    {
        while (true)
        {
            Packet packet = await channel.ReceiveAsync(setup.Agreed.MaxPacketBytes, CancellationToken.None).ConfigureAwait(false);
            if (packet.IsClosed) return packet.CloseReason ?? "closed";
            int messages = 0;
            string? end;
            try
            {
                end = Read(packet.Bytes.Span, ref messages);
            }
            finally
            {
                packet.Return();
            }

            if (end is not null) return end;
            long wait = messages == 0 ? 0 : bucket.Take(messages, runtime.Now);
            if (wait == 0) continue;

            // Too fast: stop reading, so that the peer's own queue fills. Never for so long that the lease would seem to run out.
            TimeSpan pause = TimeSpan.FromMilliseconds(Math.Min(wait, setup.Agreed.Lease.TotalMilliseconds / 4));
            await Task.Delay(pause, runtime.Time, CancellationToken.None).ConfigureAwait(false);
        }
    }

    // Null to go on, otherwise why the link ends.
    private string? Read(ReadOnlySpan<byte> bytes, ref int messages)
    {
        long now = runtime.Now;
        lock (conversation.Gate)
        {
            if (conversation.Current != this) return closing ?? "replaced";
            conversation.Session.Heard(now);
            conversation.Ledger.CountReceived(bytes.Length, 0, now);
        }

        runtime.Metrics.ReceivedPacket(bytes.Length);
        FrameReader reader = new(bytes);
        while (reader.TryRead(out Frame.KindOneofCase kind, out ReadOnlySpan<byte> body))
        {
            switch (kind)
            {
                case Frame.KindOneofCase.Message:
                    messages++;
                    Arrive(FrameReader.Parse(Message.Parser, body), body.Length);
                    break;
                case Frame.KindOneofCase.Chunk:
                    Chunk chunk = FrameReader.Parse(Chunk.Parser, body);
                    ReadOnlyMemory<byte> whole;
                    lock (conversation.Gate)
                    {
                        if (conversation.Current != this) return "replaced";
                        whole = conversation.Session.OnChunk(chunk);
                    }

                    if (!whole.IsEmpty) messages += Arrive(whole.Span, (int)chunk.OriginalBytes, chunk.Lane, chunk.Sequence, chunk.QueuedMilliseconds);
                    break;
                case Frame.KindOneofCase.Packed:
                    Packed packed = FrameReader.Parse(Packed.Parser, body);
                    Packing.Check(packed.Method, packed.OriginalBytes, setup.Agreed);
                    messages += Arrive(packed.Body.Span, (int)packed.OriginalBytes, packed.Lane, packed.Sequence, packed.QueuedMilliseconds);
                    break;
                case Frame.KindOneofCase.Ack:
                    OnAck(FrameReader.Parse(Ack.Parser, body));
                    break;
                case Frame.KindOneofCase.Heartbeat:
                    OnHeartbeat(FrameReader.Parse(Heartbeat.Parser, body), now);
                    break;
                case Frame.KindOneofCase.Close:
                    Close close = FrameReader.Parse(Protocol.Tunnel.Close.Parser, body);
                    if (close.Planned) Volatile.Write(ref planned, true);
                    return "the peer closed: " + close.Reason;
                default:
                    throw new ProtocolViolation(ViolationReason.UnexpectedFrame, $"{kind} on an attached link");
            }
        }

        TimeAcks(conversation.Current);
        return null;
    }

    // A message that is in parts or compressed; how many messages it counts for, as taking much out of little costs time.
    private int Arrive(ReadOnlySpan<byte> body, int original, Lane lane, ulong sequence, ulong queued)
    {
        Arrive(Packing.Read(body, original, lane, sequence, queued), body.Length);
        if (original == 0) return 1;
        int saved = Math.Max(0, original - body.Length);
        runtime.Metrics.Unpacked(saved);
        lock (conversation.Gate) conversation.Ledger.CountReceived(0, saved, runtime.Now);
        return 1 + (original / Session.PacketBytes);
    }

    private void OnAck(Ack ack)
    {
        SessionEffects effects;
        lock (conversation.Gate)
        {
            if (conversation.Current != this) return;
            effects = conversation.Session.Acknowledge(ack.Received);
        }

        conversation.Apply(effects);
        Flush(); // the window may have opened
    }

    private void OnHeartbeat(Heartbeat beat, long now)
    {
        long trip;
        lock (conversation.Gate)
        {
            if (conversation.Current != this) return;
            trip = conversation.Session.OnHeartbeat(beat, now);
        }

        if (trip >= 0)
        {
            long ticks = trip * TimeSpan.TicksPerMillisecond;
            long smooth = Interlocked.Read(ref smoothTicks);
            Interlocked.Exchange(ref roundTripTicks, ticks);
            Interlocked.Exchange(ref smoothTicks, smooth < 0 ? ticks : smooth + ((ticks - smooth) / 8)); // one reader a link, so nobody else writes it
            runtime.Metrics.RoundTrip.Record(trip / 1000.0, setup.SideTag);
        }

        if (beat.Digest == 0 && beat.RootBeat == 0) return;
        lock (conversation.Dispatch)
        {
            if (conversation.Current != this) return;
            if (beat.Digest != 0) handler.Beat(this, beat.Digest);
            if (beat.RootBeat != 0) handler.Rose(this, new TreePosition(beat.RootBeat, beat.Depth));
        }
    }

    private void Arrive(Message message, int size)
    {
        Arrival arrival;
        lock (conversation.Gate)
        {
            if (conversation.Current != this) return;
            arrival = conversation.Session.OnMessage(message, size);
        }

        QueuedTime.TakeOff(message);
        int lane = Lanes.Index(message.Lane);
        runtime.Metrics.Received(lane, size);
        switch (arrival)
        {
            case Arrival.Repeat:
                runtime.Metrics.Duplicates.Add(1);
                return;
            case Arrival.TooManyHops or Arrival.NoPayload:
                runtime.Metrics.Dropped.Add(1, new KeyValuePair<string, object?>("reason", arrival.ToString()));
                runtime.Log.MessageGivenUp(Peer, message.Lane, arrival);
                return;
        }

        ulong id = MessageIds.Fold(message.Id.Span);
        ByteString fullId = message.Id;
        Lane onLane = message.Lane;
        Activity? activity = null;
        ValueTask handling;
        lock (conversation.Dispatch)
        {
            if (conversation.Current != this)
            {
                Complete(onLane, id, succeeded: false);
                return;
            }

            if (runtime.Activities.HasListeners())
            {
                activity = runtime.Activities.StartActivity("tunnel.receive", ActivityKind.Consumer, TraceOf(message));
            }

            try
            {
                handling = handler.ReceiveAsync(this, message, setup.Stop);
            }
#pragma warning disable CA1031 // A handler's fault costs the link, as an asynchronous one does.
            catch (Exception fault)
#pragma warning restore CA1031
            {
                handling = ValueTask.FromException(fault);
            }
        }

        if (activity is not null) Activity.Current = null;
        if (handling.IsCompletedSuccessfully)
        {
            handling.GetAwaiter().GetResult();
            activity?.Dispose();
            Complete(onLane, id, succeeded: true);
            return;
        }

        _ = FinishAsync(handling, onLane, id, fullId, activity); // handles its own faults
    }

    // The last hop's, when it traced; else that which the command has had from its beginning.
    private static string? TraceOf(Message message) =>
        message.Traceparent is { Length: > 0 } hop ? hop : message.Command?.Traceparent is { Length: > 0 } beginning ? beginning : null;

    private async Task FinishAsync(ValueTask handling, Lane lane, ulong id, ByteString fullId, Activity? activity)
    {
        bool succeeded = false;
        try
        {
            await handling.ConfigureAwait(false);
            succeeded = true;
        }
        catch (OperationCanceledException) when (setup.Stop.IsCancellationRequested)
        {
            // Stopping: unacknowledged, it comes again to the next run.
        }
#pragma warning disable CA1031 // A handler's fault must cost this link, not the process.
        catch (Exception fault)
#pragma warning restore CA1031
        {
            activity?.SetStatus(ActivityStatusCode.Error, fault.Message);
            runtime.Log.HandlerFailed(Peer, Convert.ToHexStringLower(fullId.Span), fault);
        }

        activity?.Dispose();
        Complete(lane, id, succeeded);
        if (!succeeded) Close("the handler of a message failed");
        TimeAcks(conversation.Current);
    }

    private void Complete(Lane lane, ulong id, bool succeeded)
    {
        lock (conversation.Gate) conversation.Session.Complete(lane, id, succeeded);
    }

    private static void TimeAcks(Link? link)
    {
        if (link is null) return;
        bool now = false;
        lock (link.conversation.Gate)
        {
            if (link.conversation.Current != link) return;
            switch (link.conversation.Session.Acks())
            {
                case AckNeed.Now:
                    now = link.acksDue = true;
                    break;
                case AckNeed.Soon when !link.ackTimed:
                    link.ackTimed = true;
                    break;
                default:
                    return; // none; or late, which the next packet or heartbeat takes along
            }
        }

        if (now) link.Flush();
        else link.runtime.Timers.Soon(link, link.setup.Agreed.AckDelay);
    }
}
