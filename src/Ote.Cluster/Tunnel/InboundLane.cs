using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Tunnel;

/// <summary>
/// What one side receives on one lane: which sequences are complete, which are being handled, and which ids were seen. Pure; the
/// owner serialises calls.
/// </summary>
internal sealed class InboundLane(int window)
{
    private readonly List<(ulong Id, int Size, State State)> pending = [];

    // A peer may repeat a window of messages after a new session began; of those before them a window may have completed later.
    private readonly RecentIds recent = new(2 * window);
    private HashSet<ulong>? orphans;

    private enum State : byte
    {
        Running,
        Done,
        Failed,
    }

    /// <summary>Most sequences that may be under way at once.</summary>
    public int Window { get; set; } = window;

    /// <summary>Everything up to and including this sequence is complete.</summary>
    public ulong Completed { get; private set; }

    /// <summary>The last cursor the peer was told.</summary>
    public ulong Told { get; private set; }

    /// <summary>The peer sent something it would not have sent had it known our cursor: tell it again.</summary>
    public bool Remind { get; private set; }

    /// <summary>A large message on its way in.</summary>
    public Reassembly? Partial { get; set; }

    public bool AckPending => Completed > Told || Remind;

    /// <summary>Messages the peer still keeps although they are complete.</summary>
    public ulong Untold => Completed - Told;

    /// <summary>Their encoded bytes.</summary>
    public long UntoldBytes { get; private set; }

    /// <summary>The peer says what it has sent: everything up to there must have come.</summary>
    /// <exception cref="ProtocolViolation">It has not. When nothing follows on the lane, nothing else would show it.</exception>
    public void Expect(ulong sent)
    {
        ulong delivered = Completed + (ulong)pending.Count;
        if (sent > delivered) throw new ProtocolViolation(ViolationReason.SequenceGap, $"sequence {sent} was sent and {delivered} is the last that came");
    }

    /// <summary>Whether a sequence is one that has to be handled; false for a repeat.</summary>
    /// <exception cref="ProtocolViolation">It skips a sequence, or there is no room in the window.</exception>
    public bool IsNew(ulong sequence)
    {
        ulong delivered = Completed + (ulong)pending.Count;
        if (sequence > delivered + 1) throw new ProtocolViolation(ViolationReason.SequenceGap, $"sequence {sequence} after {delivered}");
        if (sequence == 0) throw new ProtocolViolation(ViolationReason.SequenceGap, "sequence 0; the first is 1");
        if (sequence <= Completed || (sequence <= delivered && pending[Index(sequence)].State != State.Failed))
        {
            Remind = true;
            return false;
        }

        if (sequence > delivered && (pending.Count >= Window || orphans?.Count >= 4 * Window))
        {
            throw new ProtocolViolation(ViolationReason.WindowExceeded, $"more than {Window} unacknowledged messages");
        }

        return true;
    }

    /// <summary>Takes a sequence that <see cref="IsNew"/>. True when its message is to be handled, false when its id was seen before.</summary>
    public bool Take(ulong sequence, ulong id, int size)
    {
        if (sequence <= Completed + (ulong)pending.Count)
        {
            pending[Index(sequence)] = (id, size, State.Running);
            return true;
        }

        if (recent.Contains(id))
        {
            pending.Add((id, size, State.Done));
            Advance();
            return false;
        }

        bool running = orphans?.Contains(id) == true || IsRunning(id);
        pending.Add((id, size, State.Running));
        return !running;
    }

    /// <summary>The handler of a message ended; a failed one is taken again when the peer repeats it.</summary>
    public void Complete(ulong id, bool succeeded)
    {
        orphans?.Remove(id);
        if (orphans?.Count == 0) orphans = null;
        if (succeeded) recent.Add(id);
        for (int i = 0; i < pending.Count; i++)
        {
            if (pending[i].Id == id && pending[i].State == State.Running) pending[i] = (id, pending[i].Size, succeeded ? State.Done : State.Failed);
        }

        Advance();
    }

    /// <summary>The cursor to tell now.</summary>
    public ulong Tell()
    {
        Told = Completed;
        UntoldBytes = 0;
        Remind = false;
        return Completed;
    }

    /// <summary>A new session: sequences start over; what is being handled is remembered by id.</summary>
    public void Renew()
    {
        foreach ((ulong id, _, State state) in pending)
        {
            if (state == State.Running) (orphans ??= []).Add(id);
        }

        pending.Clear();
        Completed = 0;
        Told = 0;
        UntoldBytes = 0;
        Remind = false;
        Partial = null;
    }

    private int Index(ulong sequence) => (int)(sequence - Completed - 1);

    private bool IsRunning(ulong id)
    {
        foreach ((ulong other, _, State state) in pending)
        {
            if (other == id && state == State.Running) return true;
        }

        return false;
    }

    private void Advance()
    {
        int done = 0;
        while (done < pending.Count && pending[done].State == State.Done) UntoldBytes += pending[done++].Size;
        if (done == 0) return;
        pending.RemoveRange(0, done);
        Completed += (ulong)done;
        if (pending.Count == 0 && pending.Capacity > 16) pending.Capacity = 0;
    }
}
