namespace Ote.Protocol.Tunnel;

/// <summary>Why a peer's bytes were not the protocol. The names are metric labels: stable, never reused.</summary>
public enum ViolationReason
{
    /// <summary>A packet without any byte.</summary>
    EmptyPacket,

    /// <summary>Bytes that are not the expected protobuf message.</summary>
    Malformed,

    /// <summary>A packet above the agreed size, found before it was read whole.</summary>
    PacketTooLarge,

    /// <summary>A message above the agreed size, found before anything was allocated for it.</summary>
    MessageTooLarge,

    /// <summary>A text message, or another transport form that carries no packet.</summary>
    NotBinary,

    /// <summary>A frame kind that has no place at this point of the conversation.</summary>
    UnexpectedFrame,

    /// <summary>A lane outside the known ones.</summary>
    UnknownLane,

    /// <summary>A message id that is not 16 bytes.</summary>
    BadMessageId,

    /// <summary>A sequence number that skips some.</summary>
    SequenceGap,

    /// <summary>More unacknowledged messages than the window allows.</summary>
    WindowExceeded,

    /// <summary>An acknowledgement of something never sent.</summary>
    AckBeyondSent,

    /// <summary>Parts of a message that do not fit together.</summary>
    BadChunk,

    /// <summary>No Hello or Welcome within the time for it.</summary>
    HandshakeTimeout,

    /// <summary>A compressed message by a method not agreed on, or that is not what it was announced to be.</summary>
    BadCompression,
    /// <summary>A receipt that says what no cluster can: an unknown stage, an impossible time, more than travels. It alone is cut or dropped.</summary>
    BadReceipt,

    /// <summary>A cluster was announced that the root has not admitted. It alone is dropped: whoever passed it on cannot know.</summary>
    UnprovenName,

    /// <summary>More clusters announced over one link than any tree has.</summary>
    TooManyNames,

    /// <summary>A message between clusters that went down or across before was sent up, or across again.</summary>
    MessageTurned,

    /// <summary>Something else than messages between clusters came over a lateral link.</summary>
    NotLateral,
}
