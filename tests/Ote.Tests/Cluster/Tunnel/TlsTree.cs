using System.Diagnostics.Metrics;
using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Ote.Cluster.Failover;
using Ote.Cluster.Identity;
using Ote.Cluster.Tunnel;
using Ote.Flow;
using Ote.Protocol.Tunnel;

namespace Ote.Tests.Cluster.Tunnel;

/// <summary>A root with its CA on a real loopback socket, and children of any name, over real TLS.</summary>
/// <param name="clock">Of all; null for the system's.</param>
/// <param name="logs">Null for none.</param>
/// <param name="authority">Of another tree whose root this is too; null for one of its own.</param>
internal sealed class TlsTree(TimeProvider? clock = null, ILoggerFactory? logs = null, CertificateAuthority? authority = null) : IAsyncDisposable
{
    private readonly TimeProvider time = clock ?? TimeProvider.System;
    private readonly ServiceProvider services = new ServiceCollection().AddMetrics().BuildServiceProvider();
    private readonly CancellationTokenSource stop = new();
    private readonly List<Task> running = [];
    private readonly List<TunnelRuntime> runtimes = [];
    private TunnelListener? listener;

    public PeerIdentity Self { get; init; } = new("root", "root-uid");

    public CertificateAuthority Authority { get; } = authority ?? CertificateAuthority.Create(clock ?? TimeProvider.System);

    public AdmitAll Admission { get; } = new("root");

    public Recorder Root { get; } = new();

    public CloudTunnel Cloud { get; private set; } = null!;

    public JoinService? Join { get; set; }

    public IdentitySource RootIdentity { get; private set; } = null!;

    public IMeterFactory Meters => services.GetRequiredService<IMeterFactory>();

    /// <summary>Where children dial instead of the root, as a proxy; 0 for the root itself.</summary>
    public int DialPort { get; set; }

    public System.Net.IPEndPoint EndPoint => listener!.EndPoint;

    public Uri Address => new($"https://127.0.0.1:{(DialPort == 0 ? listener!.EndPoint.Port : DialPort)}");

    public async Task<TlsTree> StartAsync(
        TunnelOptions? options = null, Func<JoinRequest, CancellationToken, Task<JoinAnswer>>? join = null, int joinsAtOnce = 512, int joinsPerSecond = 1000)
    {
        RootIdentity = new IdentitySource(Authority.CreateIdentity(Self, ["127.0.0.1", "localhost"]));
        Cloud = new CloudTunnel(NewRuntime(), options ?? new TunnelOptions(), "root", "test", Admission, Root);
        if (join is not null) Join = new JoinService(RootIdentity, join, time, NullLogger.Instance, joinsAtOnce, joinsPerSecond);
        listener = await TunnelListener.StartAsync(new IPEndPoint(IPAddress.Loopback, 0), RootIdentity, Cloud, Join, NullLoggerFactory.Instance, CancellationToken.None, time: time);
        return this;
    }

    public TunnelRuntime NewRuntime()
    {
        Random random = new(7);
        byte[] incarnation = new byte[16];
        random.NextBytes(incarnation);
        incarnation[0] = (byte)runtimes.Count;
        TunnelRuntime runtime = new(time, services.GetRequiredService<IMeterFactory>(), logs ?? NullLoggerFactory.Instance, Locked(random), incarnation);
        runtimes.Add(runtime);
        return runtime;
    }

    public (EdgeTunnel Tunnel, Recorder Handler) Child(string name, EpochCounter? epochs = null, ClusterIdentity? identity = null, FailoverOptions? options = null, Func<ulong>? digest = null)
    {
        identity ??= Authority.CreateIdentity(new PeerIdentity(name, "uid-" + name), []);
        epochs ??= EpochCounter.InMemory();
        Recorder recorder = new();
        EdgeTunnel tunnel = new(
            NewRuntime(),
            new EdgeTunnelOptions(),
            identity.Peer,
            new ParentSeeker(
                options ?? new FailoverOptions { Backoff = new BackoffOptions(TimeSpan.FromMilliseconds(5), TimeSpan.FromMilliseconds(50)) },
                Address, [], null, time, static () => 0.5, NullLogger.Instance),
            new WebSocketDialer(() => identity, time),
            recorder,
            new EdgeFacts { NextEpoch = epochs.Next, Tags = () => ["tier=edge"], AdvertisedAddress = () => "0.0.0.0:8287", Digest = digest });
        return (tunnel, recorder);
    }

    public void Run(EdgeTunnel tunnel) => running.Add(Task.Run(() => tunnel.RunAsync(stop.Token)));

    public async ValueTask DisposeAsync()
    {
        await stop.CancelAsync();
        Task end = Task.WhenAll([.. running, Cloud.DisposeAsync().AsTask()]);
        while (time is Microsoft.Extensions.Time.Testing.FakeTimeProvider fake && !end.IsCompleted)
        {
            fake.Advance(TimeSpan.FromMilliseconds(100));
            await Task.WhenAny(end, Task.Delay(TimeSpan.FromMilliseconds(1), TimeProvider.System));
        }

        await end.Soon();
        if (listener is not null) await listener.DisposeAsync();
        foreach (TunnelRuntime runtime in runtimes) runtime.Dispose();
        if (authority is null) Authority.Dispose();
        stop.Dispose();
        await services.DisposeAsync();
    }

    private static Func<double> Locked(Random random) => () =>
    {
        lock (random) return random.NextDouble();
    };
}
