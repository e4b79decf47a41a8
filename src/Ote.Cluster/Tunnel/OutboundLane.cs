using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Tunnel;

/// <summary>
/// What one side sends on one lane: a bounded queue whose front part is sent and awaits acknowledgement. Sequences are positions:
/// the first entry has the one after the last acknowledged. Pure; the owner serialises calls.
/// </summary>
internal sealed class OutboundLane(int capacity, long capacityBytes)
{
    private Outgoing?[] ring = [];
    private int head;
    private Dictionary<string, ulong>? keys;

    /// <summary>Entries held, sent and unsent.</summary>
    public int Count { get; private set; }

    /// <summary>Encoded bytes held, compressed messages by what they had before.</summary>
    public long Bytes { get; private set; }

    /// <summary>Entries sent on the present link and not acknowledged.</summary>
    public int Sent { get; private set; }

    /// <summary>The last acknowledged sequence.</summary>
    public ulong Acked { get; private set; }

    /// <summary>The highest sequence ever sent in this session.</summary>
    public ulong HighestSent { get; private set; }

    /// <summary>The highest sequence sent on the present link that the peer has not acknowledged; 0 when there is none.</summary>
    public ulong Unacknowledged => NextSequence - 1 > Acked ? NextSequence - 1 : 0;

    /// <summary>Bytes of the next entry that went out as chunks already.</summary>
    public int ChunkOffset { get; set; }

    /// <summary>How many chunks of the next entry went out already.</summary>
    public uint ChunkIndex { get; set; }

    /// <summary>Sequence of the next entry to send.</summary>
    public ulong NextSequence => Acked + (ulong)Sent + 1;

    /// <summary>Adds an entry, or replaces an unsent one of the same key. False when the lane is full.</summary>
    public bool TryAdd(Outgoing entry)
    {
        if (entry.Key is { } key && keys is not null && keys.TryGetValue(key, out ulong at) && IsReplaceable(at))
        {
            ref Outgoing? old = ref Slot((int)(at - Acked - 1));
            Bytes += entry.Size - old!.Size;
            old = entry;
            return true;
        }

        if (Count >= capacity || (Count > 0 && Bytes + entry.Size > capacityBytes)) return false;
        if (Count == ring.Length) Grow();
        Slot(Count) = entry;
        Count++;
        Bytes += entry.Size;
        if (entry.Key is not null) (keys ??= new Dictionary<string, ulong>(StringComparer.Ordinal))[entry.Key] = Acked + (ulong)Count;
        return true;
    }

    /// <summary>The next entry the window lets out, or null.</summary>
    public Outgoing? Next(int window) => Sent < Count && Sent < window ? Slot(Sent) : null;

    /// <summary>Marks the next entry as sent. True when it had been sent before.</summary>
    public bool MarkSent()
    {
        ulong sequence = NextSequence;
        Sent++;
        ChunkOffset = 0;
        ChunkIndex = 0;
        bool again = sequence <= HighestSent;
        if (!again) HighestSent = sequence;
        return again;
    }

    /// <summary>Drops what the peer has, handing back its tickets. Returns how many entries that were; an old acknowledgement is none.</summary>
    /// <exception cref="ProtocolViolation">It acknowledges something never sent.</exception>
    public int Acknowledge(ulong sequence, ref List<object>? tickets)
    {
        if (sequence <= Acked) return 0;
        if (sequence > HighestSent) throw new ProtocolViolation(ViolationReason.AckBeyondSent, $"acknowledged {sequence}, sent up to {HighestSent}");
        int count = (int)(sequence - Acked);
        for (int i = 0; i < count; i++)
        {
            ref Outgoing? slot = ref Slot(0);
            Bytes -= slot!.Size;
            if (slot.Ticket is { } ticket) (tickets ??= []).Add(ticket);
            if (slot.Key is { } key && keys!.TryGetValue(key, out ulong at) && at == Acked + 1) keys.Remove(key);
            slot = null;
            head = (head + 1) & (ring.Length - 1);
            Count--;
            Acked++;
        }

        if (count > Sent)
        {
            // The peer had it from an earlier link, before its turn to be sent again came.
            Sent = 0;
            ChunkOffset = 0;
            ChunkIndex = 0;
        }
        else
        {
            Sent -= count;
        }

        if (Count == 0) Idle();
        return count;
    }

    /// <summary>A link ended or began: everything unacknowledged is to be sent again.</summary>
    public void Rewind()
    {
        Sent = 0;
        ChunkOffset = 0;
        ChunkIndex = 0;
    }

    /// <summary>A new session: sequences start over, the same entries wait.</summary>
    public void Renew()
    {
        Rewind();
        if (keys is not null)
        {
            foreach (string key in keys.Keys.ToArray()) keys[key] -= Acked;
        }

        Acked = 0;
        HighestSent = 0;
    }

    /// <summary>The peer does not read compressed messages: those that wait become what they were.</summary>
    public void Unpack()
    {
        for (int i = 0; i < Count; i++)
        {
            ref Outgoing? slot = ref Slot(i);
            if (slot!.Original > 0) slot = slot.Unpacked();
        }
    }

    /// <summary>Gives up everything, handing back the tickets.</summary>
    public void Drain(ref List<object>? tickets)
    {
        for (int i = 0; i < Count; i++)
        {
            if (Slot(i)!.Ticket is { } ticket) (tickets ??= []).Add(ticket);
        }

        Count = 0;
        Bytes = 0;
        Idle();
    }

    private bool IsReplaceable(ulong at) => at > HighestSent && at >= NextSequence && !(at == NextSequence && ChunkOffset > 0);

    private ref Outgoing? Slot(int index) => ref ring[(head + index) & (ring.Length - 1)];

    private void Grow()
    {
        Outgoing?[] larger = new Outgoing?[Math.Max(4, ring.Length * 2)];
        for (int i = 0; i < Count; i++) larger[i] = Slot(i);
        ring = larger;
        head = 0;
    }

    private void Idle()
    {
        // A burst must not leave its memory behind in an idle link.
        head = 0;
        keys = null;
        if (ring.Length > 16) ring = [];
        else Array.Clear(ring);
    }
}
