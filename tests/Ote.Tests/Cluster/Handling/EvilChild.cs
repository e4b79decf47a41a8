using System.Collections.Concurrent;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Ote.Cluster.Failover;
using Ote.Cluster.Identity;
using Ote.Cluster.Tunnel;
using Ote.Protocol.Tunnel;
using Ote.Tests.Cluster.Tunnel;

namespace Ote.Tests.Cluster.Handling;

/// <summary>The child's end of a link, with nothing behind it.</summary>
internal sealed class EvilChild : ILinkHandler, IAsyncDisposable
{
    private readonly ServiceProvider _services = new ServiceCollection().AddMetrics().BuildServiceProvider();
    private readonly TaskCompletionSource<ILink> _attached = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenSource _stop = new();
    private readonly TunnelRuntime _runtime;
    private readonly Task _running;

    private EvilChild(SmallTree tree, string below, ClusterIdentity identity)
    {
        _runtime = new TunnelRuntime(
            TimeProvider.System, _services.GetRequiredService<System.Diagnostics.Metrics.IMeterFactory>(), NullLoggerFactory.Instance, static () => 0.5, new byte[16]);
        var tunnel = new EdgeTunnel(
            _runtime, new EdgeTunnelOptions(), identity.Peer,
            new ParentSeeker(new FailoverOptions(), new Uri($"https://{tree.Listen(below)}"), [], null, TimeProvider.System, static () => 0.5, NullLogger.Instance),
            new WebSocketDialer(() => identity, TimeProvider.System), this, new EdgeFacts { NextEpoch = EpochCounter.InMemory().Next, Membership = () => identity.Membership });
        _running = Task.Run(() => tunnel.RunAsync(_stop.Token));
    }

    public bool IsUp => _attached.Task is { IsCompletedSuccessfully: true, Result.IsUp: true };

    /// <summary>What it was told.</summary>
    public ConcurrentQueue<Message> Told { get; } = new();

    public static async Task<EvilChild> AttachAsync(SmallTree tree, CancellationToken ct, string below = "root", ClusterIdentity? identity = null)
    {
        var evil = Begin(tree, below, identity ?? Admitted(tree, new PeerIdentity("evil", "u-evil")));
        await evil._attached.Task.WaitAsync(ct);
        return evil;
    }

    /// <summary>One that goes on trying.</summary>
    public static EvilChild Begin(SmallTree tree, string below, ClusterIdentity identity) => new(tree, below, identity);

    /// <summary>A certificate of the root.</summary>
    public static ClusterIdentity Admitted(SmallTree tree, PeerIdentity who)
    {
        using var authority = CertificateAuthority.LoadOrCreate(Path.Combine(tree.Folder, "root", "identity"), TimeProvider.System);
        return authority.CreateIdentity(who, []);
    }

    /// <summary>Completes when the parent has dealt with it.</summary>
    public async Task SayAsync(Message message, CancellationToken ct) => await (await _attached.Task).SendDurableAsync(message, ct).Soon();

    public void Attached(ILink link, Welcome welcome, Hello? hello) => _attached.TrySetResult(link);

    public void Detached(ILink link, string reason)
    {
        // At the end.
    }

    public ValueTask ReceiveAsync(ILink link, Message message, CancellationToken ct)
    {
        Told.Enqueue(message);
        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _running;
        _runtime.Dispose();
        _stop.Dispose();
        await _services.DisposeAsync();
    }
}
