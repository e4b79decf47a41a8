using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Ote.Cluster.Budgets;
using Ote.Cluster.Failover;
using Ote.Cluster.Identity;
using Ote.Cluster.Tunnel;
using Ote.Flow;
using Ote.Testing.Links;

namespace Ote.Tests.Cluster.Tunnel;

/// <summary>A root and children over in-memory links in virtual time.</summary>
internal sealed class MemoryTree : IAsyncDisposable
{
    private static readonly PeerIdentity RootPeer = new("root", "root-uid");
    private readonly ServiceProvider services = new ServiceCollection().AddMetrics().BuildServiceProvider();
    private readonly CancellationTokenSource stop = new();
    private readonly List<Task> running = [];
    private readonly Random random = new(11);

    public MemoryTree(TunnelOptions? options = null)
    {
        Runtime = new TunnelRuntime(Time, Meters, NullLoggerFactory.Instance, Next, new byte[16]);
        ChildRuntime = new TunnelRuntime(Time, Meters, NullLoggerFactory.Instance, Next, Guid.NewGuid().ToByteArray());
        Cloud = new CloudTunnel(Runtime, options ?? new TunnelOptions(), "root", "test", Admission, Root);
    }

    public FakeTimeProvider Time { get; } = new();

    public IMeterFactory Meters => services.GetRequiredService<IMeterFactory>();

    public TunnelRuntime Runtime { get; }

    public TunnelRuntime ChildRuntime { get; }

    public AdmitAll Admission { get; } = new("root");

    public Recorder Root { get; } = new();

    public CloudTunnel Cloud { get; }

    /// <summary>False while children find nobody.</summary>
    public bool IsRootThere { get; set; } = true;

    public MemoryChild Child(string name, EpochCounter? epochs = null, string? uid = null, Func<ulong>? digest = null, Recorder? handler = null, Func<LinkBudget?>? budget = null)
    {
        PeerIdentity self = new(name, uid ?? "uid-" + name);
        MemoryDialer dialer = new(() => IsRootThere ? Cloud : null, RootPeer, self, Time, Next);
        Recorder recorder = handler ?? new Recorder();
        EdgeTunnel tunnel = new(
            ChildRuntime,
            new EdgeTunnelOptions(),
            self,
            new ParentSeeker(
                new FailoverOptions { Backoff = new BackoffOptions(TimeSpan.FromMilliseconds(10), TimeSpan.FromSeconds(1)) },
                new Uri("https://root:8287"), [], null, Time, Next, NullLogger.Instance),
            dialer,
            recorder,
            new EdgeFacts { NextEpoch = (epochs ?? EpochCounter.InMemory()).Next, Digest = digest, Budget = budget ?? (static () => null) });
        return new MemoryChild(tunnel, recorder, dialer);
    }

    public MemoryChild Run(MemoryChild child)
    {
        running.Add(Task.Run(() => child.Tunnel.RunAsync(stop.Token)));
        return child;
    }

    /// <summary>Lets time pass in small steps until something has happened.</summary>
    public Task<T> While<T>(Task<T> happening, double stepSeconds = 0.05) => StepAsync(happening, stepSeconds).Soon();

    private async Task<T> StepAsync<T>(Task<T> happening, double stepSeconds)
    {
        while (!happening.IsCompleted && !stop.IsCancellationRequested)
        {
            Time.Advance(TimeSpan.FromSeconds(stepSeconds));

            // Virtual time must not outrun the work it sets off: a step takes a real millisecond.
            await Task.WhenAny(happening, Task.Delay(TimeSpan.FromMilliseconds(1), TimeProvider.System));
        }

        return await happening;
    }

    public async ValueTask DisposeAsync()
    {
        await stop.CancelAsync();
        Task end = Task.WhenAll([.. running, Cloud.DisposeAsync().AsTask()]);
        while (!end.IsCompleted)
        {
            Time.Advance(TimeSpan.FromMilliseconds(100));
            await Task.WhenAny(end, Task.Delay(TimeSpan.FromMilliseconds(1), TimeProvider.System));
        }

        await end;
        Runtime.Dispose();
        ChildRuntime.Dispose();
        stop.Dispose();
        await services.DisposeAsync();
    }

    private double Next()
    {
        lock (random) return random.NextDouble();
    }
}

internal sealed record MemoryChild(EdgeTunnel Tunnel, Recorder Handler, MemoryDialer Dialer);
