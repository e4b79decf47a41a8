using Ote.Cluster.Budgets;
using Ote.Cluster.Tunnel;
using Ote.Protocol.Tunnel;

namespace Ote.Tests.Cluster.Tunnel;

/// <summary>Compressed messages on links and across them.</summary>
public sealed class PackedLinkTests
{
    private static readonly LinkBudget Counted = new() { BytesPerSecond = LinkBudget.MostBytesPerSecond };
    private static readonly CancellationToken Ct = CancellationToken.None;

    [Fact]
    public async Task A_link_whose_bytes_are_counted_carries_large_messages_compressed_and_says_what_that_saved()
    {
        await using MemoryTree tree = new();
        MemoryChild child = tree.Run(tree.Child("c1", budget: () => Counted));
        (ILink link, _, Welcome? welcome) = await child.Handler.NextAttached();
        (ILink down, _, _) = await tree.Root.NextAttached();
        Assert.Equal(Compression.Brotli, welcome!.Compression);
        string small = new('s', 500), large = new('l', 5000), parts = new('p', 3_000_000);
        foreach (string text in (string[])[small, large, parts]) Assert.True(link.TrySend(TestMessages.Text(text, Lane.Reports)));
        foreach (string text in (string[])[small, large, parts]) Assert.Equal(text, TestMessages.TextOf((await tree.Root.NextMessage()).Message));
        Assert.InRange(link.Cost.Sent, 500, 20_000);
        Assert.InRange(link.Cost.SavedToday, 2_900_000, 3_005_000);
        Assert.Equal(link.Cost.SavedToday, down.Cost.SavedToday);
    }

    [Fact]
    public async Task A_link_that_nobody_counts_carries_messages_as_they_are()
    {
        await using MemoryTree tree = new();
        MemoryChild child = tree.Run(tree.Child("c1"));
        (ILink link, _, _) = await child.Handler.NextAttached();
        await tree.Root.NextAttached();
        Assert.True(link.TrySend(TestMessages.Text(new string('x', 5000))));
        await tree.Root.NextMessage();
        Assert.InRange(link.Cost.Sent, 5000, 6000);
        Assert.Equal(0, link.Cost.SavedToday);
    }

    [Fact]
    public async Task A_parent_that_does_not_compress_gets_messages_as_they_are()
    {
        await using MemoryTree tree = new(new TunnelOptions { Compress = false });
        MemoryChild child = tree.Run(tree.Child("c1", budget: () => Counted));
        (ILink link, _, Welcome? welcome) = await child.Handler.NextAttached();
        await tree.Root.NextAttached();
        Assert.Equal(Compression.None, welcome!.Compression);
        Assert.True(link.TrySend(TestMessages.Text(new string('x', 5000))));
        Assert.Equal(5000, TestMessages.TextOf((await tree.Root.NextMessage()).Message).Length);
        Assert.Equal(0, link.Cost.SavedToday);
    }

    [Fact]
    public async Task A_message_to_many_is_compressed_once()
    {
        await using MemoryTree tree = new();
        List<MemoryChild> children = [.. Enumerable.Range(0, 3).Select(i => tree.Run(tree.Child("c" + i, budget: () => Counted)))];
        List<ILink> links = [];
        foreach (MemoryChild child in children)
        {
            await child.Handler.NextAttached();
            links.Add((await tree.Root.NextAttached()).Link);
        }

        SharedMessage shared = tree.Cloud.Share(TestMessages.Text(new string('x', 5000)));
        foreach (ILink link in links) Assert.True(link.TrySend(shared));
        byte[]? packed = shared.Packed;
        foreach (MemoryChild child in children) Assert.Equal(5000, TestMessages.TextOf((await child.Handler.NextMessage()).Message).Length);
        Assert.NotNull(packed);
        Assert.Same(packed, shared.Packed);
    }

    [Fact]
    public void What_waits_compressed_is_taken_apart_for_a_peer_that_cannot_and_its_queue_is_no_longer_for_it()
    {
        SessionPair pair = new(new TunnelOptions { LaneBytes = 20_000, Compress = false });
        byte[] body = SharedMessage.Create(TestMessages.Text(new string('x', 8000), Lane.Work), new MessageIds(new byte[8])).Body;
        int lane = Lanes.Index(Lane.Work);
        Outgoing Packed() => new(Packing.TryPack(body)!, null, null, body.Length);
        Assert.True(pair.Child.Session.TryQueue(lane, Packed()));
        Assert.True(pair.Child.Session.TryQueue(lane, Packed()));
        Assert.False(pair.Child.Session.TryQueue(lane, Packed())); // counted by what it is, not by what it became
        pair.Connect();
        pair.Settle();
        Assert.Equal(8000, Assert.Single(pair.Parent.Texts(Lane.Work)).Length); // the second is the same message
        Assert.True(pair.Child.Session.TryQueue(lane, Packed()));
    }

    [Fact]
    public void A_cut_between_the_parts_of_a_compressed_message_sends_it_again_whole()
    {
        SessionPair pair = new();
        pair.Connect();
        byte[] letters = new byte[300_000];
        new Random(5).NextBytes(letters);
        string text = string.Concat(letters.Select(b => (char)('a' + (b % 20))));
        byte[] body = SharedMessage.Create(TestMessages.Text(text, Lane.Work), new MessageIds(new byte[8])).Body;
        byte[] packed = Packing.TryPack(body)!;
        Assert.True(packed.Length > 3 * Session.PacketBytes);
        pair.Child.Session.TryQueue(Lanes.Index(Lane.Work), new Outgoing(packed, null, "ticket", body.Length));
        pair.Child.Send();
        pair.Parent.Receive();
        pair.Child.Send();
        pair.Cut();
        pair.Connect();
        pair.Settle();
        Assert.Equal(text, Assert.Single(pair.Parent.Texts(Lane.Work)));
        Assert.Equal(["ticket"], pair.Child.Settled);
    }

    [Fact]
    public async Task A_far_peer_is_reason_enough_to_compress()
    {
        await using MemoryTree tree = new();
        MemoryChild child = tree.Child("c1");
        child.Dialer.Prepare = link => link.Up.Delay = link.Down.Delay = TimeSpan.FromMilliseconds(30);
        tree.Run(child);
        (ILink link, _, _) = await tree.While(child.Handler.NextAttached());
        await tree.While(tree.Root.NextAttached());
        await tree.While(Task.Run(() =>
        {
            while (link.RoundTrip is null) Thread.Yield();
            return true;
        }, Ct));
        Assert.True(link.TrySend(TestMessages.Text(new string('x', 5000))));
        await tree.While(tree.Root.NextMessage());
        Assert.InRange(link.Cost.SavedToday, 4000, 5100);
    }
}
