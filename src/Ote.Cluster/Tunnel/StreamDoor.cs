namespace Ote.Cluster.Tunnel;

/// <summary>Takes the byte streams that a parent has asked its children for.</summary>
internal abstract class StreamDoor
{
    /// <summary>Where streams are dialled; the stream's id follows.</summary>
    public const string Path = "/tunnel/stream/";

    /// <summary>Whether this child was asked for this stream and has not dialled it yet.</summary>
    public abstract bool IsAwaited(string id, PeerIdentity child);

    /// <summary>Serves a stream until it has ended. Owns it.</summary>
    public abstract Task ServeAsync(string id, PeerIdentity child, ByteStream stream);
}
