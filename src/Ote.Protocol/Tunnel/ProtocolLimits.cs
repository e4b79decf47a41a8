namespace Ote.Protocol.Tunnel;

/// <summary>Figures both ends of a link must agree on.</summary>
public static class ProtocolLimits
{
    /// <summary>The highest protocol version this build speaks.</summary>
    public const uint Version = 1;

    /// <summary>The lowest protocol version this build still speaks.</summary>
    public const uint OldestVersion = 1;

    /// <summary>Bytes of a message id.</summary>
    public const int MessageIdBytes = 16;

    /// <summary>Largest packet accepted before Welcome has named another limit, in bytes.</summary>
    public const int HandshakePacketBytes = 64 * 1024;

    /// <summary>Largest packet a peer may ever be told to accept, in bytes.</summary>
    public const int MaxPacketBytes = 1024 * 1024;

    /// <summary>Largest whole message a peer may ever be told to accept, in bytes.</summary>
    public const int MaxMessageBytes = 64 * 1024 * 1024;
}
