using System.Text;
using Ote.Cluster.Messages;
using Ote.Protocol.Tunnel;
using Ote.Tests.Cluster.Handling;

namespace Ote.Tests.Cluster.Messages;

public sealed class MessageTreeTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Message_turns_at_the_lowest_common_ancestor_and_its_sender_learns_that_it_was_delivered()
    {
        await using var tree = await TreeAsync();
        var sent = await tree["c1"].Messages.SendAsync("c2", "orders", "text/plain", Text("one"));
        var got = Assert.Single(await tree["c2"].Messages.ReceiveAsync("orders", 10, Ct));
        Assert.Equal(("c1", "one", "text/plain", 2, sent.Id), (got.From, Encoding.UTF8.GetString(got.Body.Span), got.ContentType, got.Hops, got.Id));
        Assert.True(await tree["c2"].Messages.AcknowledgeAsync(got.Id));

        var fate = await tree["c1"].Messages.WaitAsync(sent.Id, Ct);
        Assert.Equal((SentState.Delivered, 2), (fate!.State, fate.Hops));
    }

    [Fact]
    public async Task Message_crosses_the_root_to_another_branch_and_reaches_the_root_and_the_own_cluster_too()
    {
        await using var tree = await TreeAsync();
        foreach (var (to, hops) in new[] { ("c3", 3), ("root", 2), ("north", 1), ("c1", 0) })
        {
            var sent = await tree["c1"].Messages.SendAsync(to, "t", "", Text(to));
            var got = Assert.Single(await tree[to].Messages.ReceiveAsync(null, 10, Ct));
            Assert.Equal((to, hops), (Encoding.UTF8.GetString(got.Body.Span), got.Hops));
            Assert.Equal(SentState.Delivered, (await tree["c1"].Messages.WaitAsync(sent.Id, Ct))!.State);
        }
    }

    [Fact]
    public async Task Messages_for_a_cluster_that_is_away_wait_come_in_order_and_only_once()
    {
        await using var tree = await TreeAsync();
        await tree.StopAsync("c2");
        await tree.ClusterIsAsync("c2", "offline", Ct);
        var ids = new List<string>();
        for (var i = 0; i < 5; i++)
        {
            ids.Add((await tree["c3"].Messages.SendAsync("c2", "t", "", Text($"{i}"))).Id);
        }

        while (!tree["c3"].Messages.Find(ids[4])!.Text.Contains("kept at root", StringComparison.Ordinal))
        {
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, Ct);
        }

        await tree.AddAsync("c2", "north", [], Ct);
        foreach (var id in ids)
        {
            Assert.Equal(SentState.Delivered, (await tree["c3"].Messages.WaitAsync(id, Ct))!.State);
        }

        Assert.Equal(["0", "1", "2", "3", "4"], (await tree["c2"].Messages.ReceiveAsync("t", 10, Ct)).Select(m => Encoding.UTF8.GetString(m.Body.Span)));
        Assert.Equal(5, tree["c2"].Messages.Waiting);
    }

    [Fact]
    public async Task Message_to_nobody_ends_with_that_word()
    {
        await using var tree = await TreeAsync();
        var sent = await tree["c1"].Messages.SendAsync("c9", "t", "", Text("x"));
        var fate = await tree["c1"].Messages.WaitAsync(sent.Id, Ct);
        Assert.Equal((SentState.NoCluster, "no cluster of the tree is called 'c9'"), (fate!.State, fate.Text));
    }

    [Theory]
    [InlineData("C9", "t", 1, "to:")]
    [InlineData("c9", "", 1, "topic:")]
    [InlineData("c9", "a\nb", 1, "topic:")]
    [InlineData("c9", "t", MessageLimits.BodyBytes + 1, "at most 262144")]
    public async Task Message_that_cannot_be_sent_is_refused_with_the_reason(string to, string topic, int bytes, string says)
    {
        await using var tree = await SmallTree.StartAsync(Ct);
        var refused = await Assert.ThrowsAsync<MessageException>(() => tree["root"].Messages.SendAsync(to, topic, "", new byte[bytes]));
        Assert.Contains(says, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Child_that_sends_in_anothers_name_or_nonsense_is_not_heard()
    {
        var heard = new Heard();
        await using var tree = new SmallTree { Loggers = heard, Adjust = o => o with { Tunnel = o.Tunnel with { Heartbeat = TimeSpan.FromMilliseconds(200) } } };
        await tree.StartRootAsync(Ct);
        await tree.AddAsync("c1", "root", [], Ct);
        await tree.ClusterIsAsync("c1", "online", Ct);
        await using var evil = await EvilChild.AttachAsync(tree, Ct);
        var data = new MessageData { Topic = "t", Body = Google.Protobuf.ByteString.CopyFromUtf8("x") };
        ClusterMessage Of(string from, int idBytes = 16, string to = "c1") => new()
        {
            Id = Google.Protobuf.ByteString.CopyFrom(new byte[idBytes]), From = from, To = to, RemainingMilliseconds = 10_000, Data = data,
        };
        foreach (var forged in new[] { Of("c1"), Of("root"), Of("nobody"), Of("evil", idBytes: 15), Of("evil", to: "NO"), new ClusterMessage { Id = Of("evil").Id, From = "evil", To = "c1" } })
        {
            await evil.SayAsync(new Message { Lane = Lane.Work, ClusterMessage = forged }, Ct);
        }

        await evil.SayAsync(new Message { Lane = Lane.Work, ClusterMessage = Of("evil") }, Ct);
        var got = await tree["c1"].Messages.ReceiveAsync(null, 10, Ct);
        Assert.Equal("evil", Assert.Single(got).From);
        Assert.Equal(6, heard.Lines.Count(line => line.Contains("does not lead there", StringComparison.Ordinal)));
    }

    private static byte[] Text(string text) => Encoding.UTF8.GetBytes(text);

    private static async Task<SmallTree> TreeAsync()
    {
        var tree = await SmallTree.StartAsync(Ct);
        await tree.AddAsync("north", "root", [], Ct, leaf: false);
        await tree.AddAsync("c1", "north", [], Ct);
        await tree.AddAsync("c2", "north", [], Ct);
        await tree.AddAsync("c3", "root", [], Ct);
        foreach (var name in new[] { "c1", "c2", "c3" })
        {
            await tree.ClusterIsAsync(name, "online", Ct);
        }

        return tree;
    }
}
