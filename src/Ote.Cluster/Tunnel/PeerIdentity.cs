namespace Ote.Cluster.Tunnel;

/// <summary>Who is at the other end of a link, as its certificate says; never taken from a message.</summary>
/// <param name="Name">The cluster's name.</param>
/// <param name="Uid">The cluster's uid, stable over its whole life.</param>
public readonly record struct PeerIdentity(string Name, string Uid)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Name} ({Uid})";
}
