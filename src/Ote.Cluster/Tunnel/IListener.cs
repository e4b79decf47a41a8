using System.Net;
using Ote.Cluster.Identity;

namespace Ote.Cluster.Tunnel;

/// <summary>Opens the place where children reach a controller: the counterpart of <see cref="IDialer"/>.</summary>
public interface IListener
{
    /// <summary>Listens until the answer is disposed.</summary>
    /// <exception cref="IOException">The address is taken or not ours.</exception>
    Task<IListening> ListenAsync(Door door, CancellationToken ct);
}

/// <summary>An open place where children attach. Dispose its tunnel first, so that the links can say goodbye.</summary>
public interface IListening : IAsyncDisposable
{
    /// <summary>Where it listens; the port is the real one.</summary>
    IPEndPoint EndPoint { get; }
}

/// <summary>What is behind the address children dial.</summary>
/// <param name="EndPoint">Where to listen; port 0 takes any that is free.</param>
/// <param name="Identity">The certificate to show, and the CA to trust.</param>
/// <param name="Tunnel">Gets the links.</param>
/// <param name="Join">Answers joining.</param>
public sealed record Door(IPEndPoint EndPoint, IdentitySource Identity, CloudTunnel Tunnel, JoinService Join);
