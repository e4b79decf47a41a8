using System.Threading.Channels;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Ote.Cluster.Identity;
using Ote.Cluster.Tunnel;
using Ote.Protocol.Tunnel;
using Ote.Tests.Cluster.Tunnel;

namespace Ote.Tests.Cluster.Handling;

/// <summary>Takes the place of a tree's root, with its certificate and its name, and has nothing else of it.</summary>
internal sealed class EvilParent : ILinkHandler, IAsyncDisposable
{
    private readonly ServiceProvider _services = new ServiceCollection().AddMetrics().BuildServiceProvider();
    private readonly Channel<ILink> _attached = Channel.CreateUnbounded<ILink>();
    private readonly CertificateAuthority _authority;
    private readonly TunnelRuntime _runtime;
    private readonly CloudTunnel _tunnel;
    private TunnelListener? _listener;

    private EvilParent(SmallTree tree)
    {
        _authority = CertificateAuthority.LoadOrCreate(Path.Combine(tree.Folder, "root", "identity"), TimeProvider.System);
        _runtime = new TunnelRuntime(
            TimeProvider.System, _services.GetRequiredService<System.Diagnostics.Metrics.IMeterFactory>(), NullLoggerFactory.Instance, static () => 0.5, new byte[16]);
        // Above whatever the true root has said.
        var admission = new AdmitAll("root") { Position = new(1_000_000, 0) };
        _tunnel = new CloudTunnel(_runtime, new TunnelOptions { Heartbeat = TimeSpan.FromMilliseconds(200) }, "root", "evil", admission, this);
    }

    /// <summary>The child that was attached to the root, once it has attached here. The root must have stopped.</summary>
    public static async Task<(EvilParent Parent, ILink Child)> TakeOverAsync(SmallTree tree, CancellationToken ct)
    {
        var evil = new EvilParent(tree);
        var uid = await File.ReadAllTextAsync(Path.Combine(tree.Folder, "root", "identity", "uid"), ct);
        var identity = new IdentitySource(evil._authority.CreateIdentity(new PeerIdentity("root", uid.Trim()), ["127.0.0.1"]));
        evil._listener = await TunnelListener.StartAsync(tree.Listen("root"), identity, evil._tunnel, null, NullLoggerFactory.Instance, ct);
        return (evil, await evil._attached.Reader.ReadAsync(ct).AsTask().Soon());
    }

    public void Attached(ILink link, Welcome welcome, Hello? hello) => _attached.Writer.TryWrite(link);

    public void Detached(ILink link, string reason)
    {
        // The child came, which is all that is waited for.
    }

    public ValueTask ReceiveAsync(ILink link, Message message, CancellationToken ct) => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        await _tunnel.DisposeAsync();
        if (_listener is not null)
        {
            await _listener.DisposeAsync();
        }

        _runtime.Dispose();
        _authority.Dispose();
        await _services.DisposeAsync();
    }
}
