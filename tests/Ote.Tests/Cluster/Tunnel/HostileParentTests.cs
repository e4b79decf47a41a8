using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Ote.Cluster.Failover;
using Ote.Cluster.Identity;
using Ote.Cluster.Tunnel;
using Ote.Flow;
using Ote.Protocol.Tunnel;
using Ote.Testing.Meters;
using Ote.Tests.Cluster.Handling;

namespace Ote.Tests.Cluster.Tunnel;

/// <summary>A parent with a good certificate that sends rubbish costs its child that one link; the child says so, counts it and comes back.</summary>
public sealed class HostileParentTests : IAsyncLifetime
{
    private readonly CertificateAuthority authority = CertificateAuthority.Create(TimeProvider.System);
    private readonly ServiceProvider services = new ServiceCollection().AddMetrics().BuildServiceProvider();
    private readonly CancellationTokenSource stop = new();
    private readonly Heard heard = new();
    private readonly Recorder handler = new();
    private readonly Counts counts;
    private readonly TunnelRuntime runtime;
    private ScriptedParent parent = null!;
    private Task running = Task.CompletedTask;

    public HostileParentTests()
    {
        IMeterFactory meters = services.GetRequiredService<IMeterFactory>();
        counts = new Counts(meters);
        runtime = new TunnelRuntime(TimeProvider.System, meters, heard, static () => 0.5, new byte[16]);
    }

    [Theory]
    [MemberData(nameof(HostilePackets.Attacks), MemberType = typeof(HostilePackets))]
    public async Task Hostile_bytes_of_a_parent_end_the_link_they_came_by_and_the_child_says_on_the_next_what_it_had_to_say(string attack, string reason)
    {
        ScriptedParent.Guest first = await parent.NextAsync();
        await first.WelcomeAsync();
        ILink link = (await handler.NextAttached()).Link;
        Task said = link.SendDurableAsync(TestMessages.Text("mine"), TestContext.Current.CancellationToken);
        (byte[] bytes, System.Net.WebSockets.WebSocketMessageType type) = HostilePackets.Of(attack);
        await first.SendAsync(bytes, type);
        await first.LeaveAsync(); // else the child waits a while for its last words to be taken
        Assert.StartsWith(reason, (await handler.NextDetached()).Reason, StringComparison.Ordinal);

        ScriptedParent.Guest second = await parent.NextAsync();
        await second.WelcomeAsync();
        Assert.Equal("mine", TestMessages.TextOf(await second.NextMessageAsync()));
        await second.SendAsync(HostilePackets.Packet(Frame.KindOneofCase.Ack, new Ack { Received = { new LaneCursor { Lane = Lane.Commands, Sequence = 1 } } }));
        await said.Soon();
        Assert.True(second.Hello.Epoch > first.Hello.Epoch);
        Assert.Equal(1, counts.Of("ote.tunnel.violations"));
        Assert.Equal(1, counts.Of("ote.tunnel.violations", $"reason={reason}"));
        Assert.Contains(reason, Assert.Single(heard.Lines, line => line.StartsWith("Warning 2004 root", StringComparison.Ordinal)), StringComparison.Ordinal);
        Assert.DoesNotContain(handler.Events, e => e.StartsWith("m:", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("random bytes", "Malformed", 1)]
    [InlineData("message without id", "UnexpectedFrame", 1)]
    [InlineData("packet above the limit", "PacketTooLarge", 1)]
    [InlineData("another name", "Welcome says mallory, the certificate says root", 0)]
    [InlineData("a path through the child", "leads through c1", 0)]
    [InlineData("a session that is not ours", "resumes a session that is not ours", 0)]
    [InlineData("a compression that was not offered", "was not offered", 0)]
    [InlineData("a lease shorter than its heartbeat", "the parent's limits make no sense", 0)]
    [InlineData("a window of four billion", "the parent's limits make no sense", 0)]
    public async Task Hostile_answer_to_hello_attaches_nothing_and_the_child_asks_again(string answer, string why, int violations)
    {
        ScriptedParent.Guest first = await parent.NextAsync();
        await (answer switch
        {
            "another name" => first.WelcomeAsync(w => w.Name = "mallory"),
            "a path through the child" => first.WelcomeAsync(w => w.Path.Add("c1")),
            "a session that is not ours" => first.WelcomeAsync(w => w.Resumed = true),
            "a compression that was not offered" => first.WelcomeAsync(w => w.Compression = (Compression)9),
            "a lease shorter than its heartbeat" => first.WelcomeAsync(w => w.Limits = new Limits { HeartbeatMilliseconds = 60_000, LeaseMilliseconds = 1000 }),
            "a window of four billion" => first.WelcomeAsync(w => w.Limits = new Limits { WindowMessages = uint.MaxValue }),
            _ => first.SendAsync(HostilePackets.Of(answer).Bytes),
        });
        await first.LeaveAsync();

        ScriptedParent.Guest second = await parent.NextAsync();
        Assert.Empty(handler.Events);
        Assert.Contains(why, Assert.Single(heard.Lines, line => line.Contains(" 2008 ", StringComparison.Ordinal)), StringComparison.Ordinal);
        Assert.Equal(violations, counts.Of("ote.tunnel.violations"));
        await second.WelcomeAsync();
        Assert.Equal("root", (await handler.NextAttached()).Link.Peer.Name);
    }

    [Fact]
    public async Task Parent_that_knows_an_impossible_epoch_does_not_take_the_childs_epochs_away()
    {
        ScriptedParent.Guest first = await parent.NextAsync();
        await first.SendAsync(HostilePackets.Packet(Frame.KindOneofCase.Refuse, new Refuse { Reason = Refuse.Types.Reason.OldEpoch, KnownEpoch = ulong.MaxValue }));
        await first.LeaveAsync();
        Assert.Equal(first.Hello.Epoch + 1, (await parent.NextAsync()).Hello.Epoch);
    }

    public async ValueTask InitializeAsync()
    {
        parent = await ScriptedParent.StartAsync(authority, CancellationToken.None);
        ClusterIdentity self = authority.CreateIdentity(new PeerIdentity("c1", "uid-c1"), []);
        FailoverOptions soon = new() { Backoff = new BackoffOptions(TimeSpan.FromMilliseconds(5), TimeSpan.FromMilliseconds(50)) };
        EdgeTunnel tunnel = new(
            runtime, new EdgeTunnelOptions(), self.Peer,
            new ParentSeeker(soon, parent.Address, [], null, TimeProvider.System, static () => 0.5, NullLogger.Instance),
            new WebSocketDialer(() => self, TimeProvider.System), handler, new EdgeFacts { NextEpoch = EpochCounter.InMemory().Next });
        running = Task.Run(() => tunnel.RunAsync(stop.Token));
    }

    public async ValueTask DisposeAsync()
    {
        await stop.CancelAsync();
        await parent.DisposeAsync();
        await running.Soon();
        runtime.Dispose();
        counts.Dispose();
        authority.Dispose();
        stop.Dispose();
        await services.DisposeAsync();
    }
}
