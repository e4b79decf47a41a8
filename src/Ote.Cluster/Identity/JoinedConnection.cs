using Ote.Cluster.Tunnel;

namespace Ote.Cluster.Identity;

/// <summary>
/// The connection over which a cluster has joined. It is that cluster's already, so the first link can go over it; it may end at any time, as any
/// that is idle. Disposing it ends it, unless it has become a link.
/// </summary>
/// <param name="parent">Where it leads.</param>
/// <param name="peer">Who was found there, by its certificate.</param>
/// <param name="client">Whose only connection it is; owned.</param>
public sealed class JoinedConnection(Uri parent, PeerIdentity peer, HttpClient client) : IDisposable
{
    /// <summary>Where it leads.</summary>
    public Uri Parent => parent;

    /// <summary>Who is at the other end.</summary>
    public PeerIdentity Peer => peer;

    /// <summary>Sends over it.</summary>
    internal HttpMessageInvoker Invoker => client;

    /// <inheritdoc/>
    public void Dispose() => client.Dispose();
}

/// <summary>What joining gives.</summary>
/// <param name="Identity">Who the cluster is from now on; kept on disk.</param>
/// <param name="Connection">Where it may attach without another handshake; the caller's.</param>
public sealed record Joined(ClusterIdentity Identity, JoinedConnection Connection);
