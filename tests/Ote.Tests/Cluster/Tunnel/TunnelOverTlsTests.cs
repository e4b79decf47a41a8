using System.Diagnostics;
using System.Diagnostics.Metrics;
using Microsoft.Extensions.Time.Testing;
using Ote.Cluster.Tunnel;
using Ote.Protocol.Tunnel;
using Ote.Testing.Links;
using Ote.Tests.Cluster.Handling;

namespace Ote.Tests.Cluster.Tunnel;

public sealed class TunnelOverTlsTests
{
    [Fact]
    [Trait("Defect", "T2")]
    public async Task Child_attaches_and_messages_travel_both_ways()
    {
        await using TlsTree tree = await new TlsTree().StartAsync(new TunnelOptions { Heartbeat = TimeSpan.FromMilliseconds(200) });
        (EdgeTunnel child, Recorder edge) = tree.Child("c1");
        tree.Run(child);

        (ILink down, Hello? hello, _) = await tree.Root.NextAttached();
        (ILink up, _, Welcome? welcome) = await edge.NextAttached();
        Assert.Equal(new PeerIdentity("c1", "uid-c1"), down.Peer);
        Assert.Equal(["tier=edge"], hello!.Tags);
        Assert.Equal("", hello.AdvertisedAddress); // T2: a wildcard is never passed on
        Assert.Equal("root", welcome!.Name);
        Assert.Equal("root", up.Peer.Name);

        Assert.True(down.TrySend(TestMessages.Text("down")));
        await up.SendDurableAsync(TestMessages.Text("up"), TestContext.Current.CancellationToken).Soon();
        Assert.Equal("down", TestMessages.TextOf((await edge.NextMessage()).Message));
        Message received = (await tree.Root.NextMessage()).Message;
        Assert.Equal("up", TestMessages.TextOf(received));
        Assert.Equal(1u, received.Hops);
        Assert.Equal(16, received.Id.Length);
    }

    [Fact]
    public async Task Large_message_arrives_whole_in_chunks()
    {
        await using TlsTree tree = await new TlsTree().StartAsync();
        (EdgeTunnel child, Recorder edge) = tree.Child("c1");
        tree.Run(child);
        ILink up = (await edge.NextAttached()).Link;
        string text = new('x', 3_000_000);
        await up.SendDurableAsync(TestMessages.Text(text, Lane.Bulk), TestContext.Current.CancellationToken).Soon();
        Assert.Equal(text, TestMessages.TextOf((await tree.Root.NextMessage()).Message));
    }

    [Fact]
    [Trait("Defect", "T1")]
    public async Task Peer_behind_a_socket_that_stays_open_but_silent_is_given_up_within_ten_seconds_at_both_ends()
    {
        FakeTimeProvider time = new();
        Heard log = new();
        await using TlsTree tree = await new TlsTree(time, log).StartAsync();
        await using SwallowingProxy proxy = new(tree.EndPoint);
        tree.DialPort = proxy.Port;
        (EdgeTunnel child, Recorder edge) = tree.Child("c1", digest: static () => 1);
        tree.Run(child);
        await edge.NextAttached();
        await tree.Root.NextAttached();
        time.Advance(TimeSpan.FromSeconds(4.6));
        await tree.Root.NextBeat(); // alive so far

        proxy.GoSilent();
        Task<(ILink Link, string Reason)> atRoot = tree.Root.NextDetached(), atEdge = edge.NextDetached();
        for (int i = 0; i < 40; i++) time.Advance(TimeSpan.FromSeconds(0.25));
        Assert.Contains("no sign of life", (await atRoot).Reason, StringComparison.Ordinal);
        Assert.Contains("no sign of life", (await atEdge).Reason, StringComparison.Ordinal);
        Assert.Equal(0, tree.Cloud.LinkCount);
        Assert.DoesNotContain(log.Lines, static line => line.Contains("failed", StringComparison.Ordinal)); // it is nobody's fault
    }

    [Fact]
    public async Task Trace_context_travels_and_meters_count()
    {
        await using TlsTree tree = await new TlsTree().StartAsync();
        Dictionary<string, long> counted = [];
        using MeterListener listener = new();
        listener.InstrumentPublished = (instrument, self) =>
        {
            if (instrument.Meter.Name == "Ote.Cluster.Tunnel" && instrument.Meter.Scope == tree.Meters) self.EnableMeasurementEvents(instrument);
        };
        listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) =>
        {
            lock (counted) counted[instrument.Name] = counted.GetValueOrDefault(instrument.Name) + value;
        });
        listener.Start();
        (EdgeTunnel child, Recorder edge) = tree.Child("c1");
        tree.Run(child);
        ILink up = (await edge.NextAttached()).Link;
        using Activity activity = new Activity("command").SetIdFormat(ActivityIdFormat.W3C).Start();
        Assert.True(up.TrySend(TestMessages.Text("traced")));
        activity.Stop();
        Assert.Equal(activity.Id, (await tree.Root.NextMessage()).Message.Traceparent);
        lock (counted)
        {
            Assert.Equal(2, counted["ote.tunnel.links"]); // both ends live in this process
            Assert.True(counted["ote.tunnel.messages"] >= 1);
        }
    }
}
