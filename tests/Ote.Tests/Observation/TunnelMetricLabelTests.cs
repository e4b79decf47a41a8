using Ote.Cluster.Tunnel;
using Ote.Protocol.Tunnel;
using Ote.Testing.Meters;
using Ote.Tests.Cluster.Tunnel;

namespace Ote.Tests.Observation;

/// <summary>
/// The tunnel's metrics carry the labels that docs/reference/metrics.md gives them, also those of what rarely goes wrong. What a healthy
/// tree serves is compared where it is served, in the system tests.
/// </summary>
public sealed class TunnelMetricLabelTests
{
    [Fact]
    public async Task Labels_of_the_tunnels_metrics_are_those_in_the_document()
    {
        await using MemoryTree tree = new();
        using Counts counts = new(tree.Meters);
        MemoryChild child = tree.Child("c1", digest: () => 1);
        int attempts = 0;
        tree.Admission.Rule = (_, _) => ++attempts == 1 ? Admission.Refuse(Refuse.Types.Reason.Overloaded, "first refused") : null;
        tree.Run(child);
        ILink link = (await tree.While(child.Handler.NextAttached())).Link;
        await tree.While(tree.Root.NextBeat());
        Assert.True(link.TrySend(new Message { Lane = Lane.Work, Hops = 1000, RouteRequest = new RouteSnapshotRequest() }));
        Task durable = link.SendDurableAsync(TestMessages.Text("x"), TestContext.Current.CancellationToken);
        await tree.While(Finish(durable));

        await child.Dialer.Latest!.Child.SendAsync(new byte[] { 0xFF, 0xFF }, TestContext.Current.CancellationToken); // a violation
        await tree.While(tree.Root.NextDetached());
        await tree.While(child.Handler.NextAttached());
        child.Dialer.Latest!.GoSilent(); // a lease that expires
        await tree.While(tree.Root.NextDetached(), 0.25);

        foreach (string name in (string[])["links", "messages", "message.bytes", "dropped", "violations", "rtt", "reconnects", "refusals", "leases.expired"])
        {
            Assert.True(counts.Of("ote.tunnel." + name) != 0 || name == "links", $"ote.tunnel.{name} was not counted");
            Assert.Equal($"{name}: {Documented("ote_tunnel_" + name.Replace('.', '_'))}", $"{name}: {string.Join(' ', counts.Tags("ote.tunnel." + name))}");
        }
    }

    private static string Documented(string name)
    {
        string[] cells = File.ReadLines(Path.Combine(ReviewedText.Root, "docs", "reference", "metrics.md"))
            .Select(line => line.Split('|'))
            .Single(cells => cells.Length > 3 && cells[1].Trim(' ', '`') is var shown && (shown == name || shown == name + "_total" || shown == name + "_seconds"));
        return string.Join(' ', cells[3].Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Select(label => label.Trim('`')).Order(StringComparer.Ordinal));
    }

    private static async Task<bool> Finish(Task task)
    {
        await task;
        return true;
    }
}
