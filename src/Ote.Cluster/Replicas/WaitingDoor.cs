using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Ote.Cluster.Handling;
using Ote.Cluster.Identity;
using Ote.Cluster.Tunnel;
using Ote.Kube.Leases;
using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Replicas;

/// <summary>The door of a replica that does not lead: it takes no children and tells them who does.</summary>
public sealed class WaitingDoor : IAdmission, ILinkHandler, IAsyncDisposable
{
    private static readonly TimeSpan Retry = TimeSpan.FromSeconds(2);
    private readonly ClusterControllerOptions _options;
    private readonly PeerIdentity _self;
    private readonly Func<LeaseRecord?> _leader;
    private readonly CertificateAuthority _authority;
    private readonly TunnelRuntime _runtime;
    private readonly CloudTunnel _tunnel;
    private TunnelListener? _listener;

    private WaitingDoor(ClusterControllerOptions options, ClusterControllerParts parts, RootIdentity root, Func<LeaseRecord?> leader)
    {
        (_options, _leader, _self) = (options, leader, new PeerIdentity(options.Name, root.Uid));
        _authority = CertificateAuthority.FromPem(root.CertificatePem, root.KeyPem, parts.Time);
        _runtime = new TunnelRuntime(parts.Time, parts.Meters, parts.Loggers, parts.Random, RandomNumberGenerator.GetBytes(16));
        _tunnel = new CloudTunnel(_runtime, options.Tunnel, options.Name, ClusterController.ProductVersion, this, this);
    }

    /// <summary>Opens it where the replica listens.</summary>
    /// <param name="options">Of the replica.</param>
    /// <param name="parts">Of the replica.</param>
    /// <param name="root">Whose certificate is shown.</param>
    /// <param name="leader">Who leads, as far as is known.</param>
    /// <param name="ct">Gives up.</param>
    /// <exception cref="ClusterControllerException">The address cannot be used.</exception>
    public static async Task<WaitingDoor> OpenAsync(
        ClusterControllerOptions options, ClusterControllerParts parts, RootIdentity root, Func<LeaseRecord?> leader, CancellationToken ct)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(parts);
        ArgumentNullException.ThrowIfNull(root);
        var door = new WaitingDoor(options, parts, root, leader);
        try
        {
            var identity = new IdentitySource(door._authority.CreateIdentity(door._self, OwnHosts.Of(options)));
            var join = new JoinService(
                identity,
                (_, _) => throw (leader() is { Address.Length: > 0 } leads
                    ? new JoinLaterException($"this replica of the root does not lead; {leads.Address} does", leads.Address)
                    : new JoinLaterException("this replica of the root does not lead, and no other does yet")),
                parts.Time, parts.Loggers.CreateLogger("Ote.Cluster.Identity"));
            door._listener = await TunnelListener.StartAsync(options.Listen!, identity, door._tunnel, join, parts.Loggers, ct, time: parts.Time).ConfigureAwait(false);
            return door;
        }
        catch (Exception failed)
        {
            await door.DisposeAsync().ConfigureAwait(false);
            throw failed is IOException ? new ClusterControllerException($"--listen: {options.Listen} cannot be used ({failed.Message}); choose another address or end what holds it", failed) : failed;
        }
    }

    /// <inheritdoc/>
    public Admission Decide(Hello hello, PeerIdentity peer, X509Certificate2? certificate) => _leader() is { Address.Length: > 0 } leader
        ? Admission.Refuse(
            Refuse.Types.Reason.NotLeader, $"this replica of {_self.Name} does not lead; {leader.Address} does", Retry,
            candidates: [new Candidate { Name = _self.Name, Uid = _self.Uid, Address = leader.Address, Path = { _self.Name } }])
        : Admission.Refuse(Refuse.Types.Reason.NotLeader, $"this replica of {_self.Name} does not lead, and no other does yet", Retry);

    /// <inheritdoc/>
    public ProbeAnswer Probe(PeerIdentity peer) => new() { Name = _self.Name, Uid = _self.Uid, Path = { _self.Name }, Rooted = false, Draining = true };

    /// <inheritdoc/>
    public void Attached(ILink link, Welcome welcome, Hello? hello) => throw new InvalidOperationException("nobody is admitted");

    /// <inheritdoc/>
    public void Detached(ILink link, string reason)
    {
    }

    /// <inheritdoc/>
    public ValueTask ReceiveAsync(ILink link, Message message, CancellationToken ct) => ValueTask.CompletedTask;

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _tunnel.DisposeAsync().ConfigureAwait(false);
        if (_listener is not null)
        {
            await _listener.DisposeAsync().ConfigureAwait(false);
        }

        _runtime.Dispose();
        _authority.Dispose();
    }
}
