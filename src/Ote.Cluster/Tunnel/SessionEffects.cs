using System.Runtime.CompilerServices;
using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Tunnel;

/// <summary>What an acknowledgement brought.</summary>
internal struct SessionEffects
{
    /// <summary>Tickets of messages that are settled; null when none.</summary>
    public List<object>? Tickets;

    /// <summary>Messages the peer now has, by lane.</summary>
    public LaneCounts Freed;
}

/// <summary>What the passing of time asks for.</summary>
internal enum SessionState
{
    Quiet,
    Send,
    Lost,
    Down,
}

/// <summary>How soon to acknowledge: later is cheaper, but a peer whose window runs out waits for it.</summary>
internal enum AckNeed
{
    None,

    /// <summary>With the next packet, at the latest the next heartbeat: it is so little that nobody can be waiting for it.</summary>
    Late,

    /// <summary>After the acknowledgement delay.</summary>
    Soon,
    Now,
}

/// <summary>What to do with a message that arrived.</summary>
internal enum Arrival
{
    Deliver,
    Repeat,
    TooManyHops,
    NoPayload,
}

/// <summary>What a packet carries, for the meters.</summary>
internal struct SentCounts
{
    public int Acks;
    public int Resends;

    /// <summary>Bytes that compression kept off the link.</summary>
    public int Saved;
    private LaneCounts messages;
    private LaneCounts bytes;

    public void Count(int lane, int size, bool again)
    {
        messages[lane]++;
        bytes[lane] += size;
        if (again) Resends++;
    }

    public readonly (int Messages, int Bytes) Of(int lane) => (messages[lane], bytes[lane]);
}

/// <summary>A number per lane.</summary>
[InlineArray(Lanes.Count)]
internal struct LaneCounts
{
    private int first;
}
