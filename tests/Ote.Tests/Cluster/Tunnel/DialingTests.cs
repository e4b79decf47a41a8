using System.Diagnostics.Metrics;
using System.Threading.Channels;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Ote.Cluster.Failover;
using Ote.Cluster.Tunnel;
using Ote.Protocol.Tunnel;

namespace Ote.Tests.Cluster.Tunnel;

/// <summary>How long one parent is dialled while there are others.</summary>
public sealed class DialingTests : IAsyncLifetime
{
    private const double Share = 0.25;
    private readonly FakeTimeProvider time = new();
    private readonly ServiceProvider services = new ServiceCollection().AddMetrics().BuildServiceProvider();
    private readonly CancellationTokenSource stop = new();
    private readonly NeverThrough dialer = new();
    private readonly Choice choice = new();
    private TunnelRuntime runtime = null!;
    private Task running = Task.CompletedTask;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    private static TimeSpan Full => new EdgeTunnelOptions().DialTimeout;

    public ValueTask InitializeAsync()
    {
        runtime = new TunnelRuntime(time, services.GetRequiredService<IMeterFactory>(), NullLoggerFactory.Instance, static () => 0.5, new byte[16]);
        EdgeTunnel tunnel = new(runtime, new EdgeTunnelOptions(), new PeerIdentity("c1", "u1"), choice, dialer, new Recorder(), new EdgeFacts { NextEpoch = static seen => seen + 1 });
        running = tunnel.RunAsync(stop.Token);
        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        await stop.CancelAsync();
        await running;
        runtime.Dispose();
        await services.DisposeAsync();
        stop.Dispose();
    }

    [Fact]
    public async Task Machine_that_does_not_answer_gets_its_share_of_the_time()
    {
        await dialer.Dialled.Reader.ReadAsync(Ct);
        time.Advance(Full * Share);
        await choice.Given.Reader.ReadAsync(Ct);
    }

    [Fact]
    public async Task Parent_whose_machine_has_answered_gets_the_whole_time_for_its_handshake()
    {
        Action reached = await dialer.Dialled.Reader.ReadAsync(Ct);
        time.Advance(Full * Share / 2);
        reached();
        time.Advance(Full - TimeSpan.FromMilliseconds(1));
        Assert.False(choice.Given.Reader.TryRead(out _));
        time.Advance(TimeSpan.FromMilliseconds(1));
        await choice.Given.Reader.ReadAsync(Ct);
        reached(); // later than it was given up: nothing
    }

    private sealed class NeverThrough : IDialer
    {
        public Channel<Action> Dialled { get; } = Channel.CreateUnbounded<Action>();

        public async Task<Dialed> DialAsync(Uri parent, Action? reached, CancellationToken ct)
        {
            Dialled.Writer.TryWrite(reached!);
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, ct);
            throw new InvalidOperationException();
        }

        public Task<Probe> ProbeAsync(Uri parent, CancellationToken ct) => throw new IOException("away");
    }

    private sealed class Choice : IParentChoice
    {
        private static readonly ParentTarget target = new("p1:8287", true);
        private bool isGiven;

        public Channel<ParentTarget> Given { get; } = Channel.CreateUnbounded<ParentTarget>();

        public ParentStep Next() => isGiven ? new ParentStep(null, TimeSpan.FromDays(1)) : new ParentStep(target, TimeSpan.Zero, Share);

        public TimeSpan Failed(ParentTarget target)
        {
            isGiven = true;
            Given.Writer.TryWrite(target);
            return TimeSpan.Zero;
        }

        public TimeSpan Refused(ParentTarget target, Refuse refusal) => TimeSpan.Zero;

        public string? Accept(ParentTarget target, PeerIdentity parent, Welcome welcome) => null;

        public void Attached(ParentTarget target, PeerIdentity parent, Welcome welcome)
        {
        }

        public void Lost(TimeSpan lasted, bool planned)
        {
        }
    }
}
