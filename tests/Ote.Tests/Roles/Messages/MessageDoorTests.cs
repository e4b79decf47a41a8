using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Ote.Messages;
using Ote.Roles.Hosting;
using Ote.Roles.Messages;
using Ote.Tests.Cluster.Handling;
using Ote.Tests.Ctl;

namespace Ote.Tests.Roles.Messages;

public sealed class MessageDoorTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Applications_of_two_clusters_talk_through_the_sockets_of_their_controllers()
    {
        await using var tree = await TreeAsync();
        await using var doorA = await OpenAsync(tree, "a");
        await using var doorB = await OpenAsync(tree, "b");
        using MessageClient a = new(At(tree, "a")), b = new(At(tree, "b"));

        var sent = await a.SendAsync("b", "orders", "one"u8.ToArray(), "text/plain", TimeSpan.FromMinutes(5), Ct);
        await foreach (var message in b.ReceiveAsync("orders", Ct))
        {
            Assert.Equal(("a", "one", "text/plain", sent.Id), (message.From, Encoding.UTF8.GetString(message.Body.Span), message.ContentType, message.Id));
            Assert.True(await b.AcknowledgeAsync(message, Ct));
            Assert.False(await b.AcknowledgeAsync(message, Ct));
            break;
        }

        var fate = await a.WaitAsync(sent.Id, Ct);
        Assert.Equal((true, true, 2), (fate!.IsDelivered, fate.IsOver, fate.Hops));
        Assert.Empty(await b.TakeAsync(null, 10, TimeSpan.Zero, Ct));
        Assert.Null(await a.FindAsync("nothing", Ct));
    }

    [Fact]
    public async Task What_is_no_text_is_not_printed_by_otectl_and_stays_there_until_it_is_taken_as_json()
    {
        await using var tree = await TreeAsync();
        await using var doorA = await OpenAsync(tree, "a");
        await using var doorB = await OpenAsync(tree, "b");
        using MessageClient a = new(At(tree, "a"));
        await using var world = await CtlWorld.StartAsync();
        foreach (var (body, type) in new (byte[], string?)[] { ([0x1b, 0x5b, 0x32, 0x4a], null), ("grün\tand so on"u8.ToArray(), "text/plain"), ([0xff, 0xfe], "image/png") })
        {
            await a.WaitAsync((await a.SendAsync("b", "t", body, type, TimeSpan.FromMinutes(5), Ct)).Id, Ct);
        }

        var received = await world.RunAsync("receive", "--socket", At(tree, "b"));
        Assert.Equal(
            (0, "a t: (4 bytes, no text; it stays there: -o json takes it, in base64)\na t: grün\tand so on\na t: (2 bytes, no text, image/png; it stays there: -o json takes it, in base64)\n"),
            (received.Code, received.Out));
        Assert.Equal(2, tree["b"].Messages.Waiting);
        await a.WaitAsync((await a.SendAsync("b", "other", new byte[] { 0xff }, null, TimeSpan.FromMinutes(5), Ct)).Id, Ct);
        Assert.Contains("\"body\":\"/w==\"", (await world.RunAsync("receive", "--socket", At(tree, "b"), "--topic", "other", "-o", "json")).Out, StringComparison.Ordinal);
        Assert.Equal(2, tree["b"].Messages.Waiting);
    }

    [Fact]
    public async Task Wrong_requests_are_refused_with_the_reason_and_nothing_is_sent()
    {
        await using var tree = await TreeAsync();
        await using var door = await OpenAsync(tree, "a");
        using MessageClient a = new(At(tree, "a"));
        async Task<string> RefusedAsync(string to, string topic, int bytes, TimeSpan? life = null) =>
            (await Assert.ThrowsAsync<MessagesException>(() => a.SendAsync(to, topic, new byte[bytes], life: life, ct: Ct))).Message;

        Assert.Contains("cluster name 'B' has 'B' at position 0", await RefusedAsync("B", "t", 1), StringComparison.Ordinal);
        Assert.Contains("topic: it has 1 to 256 characters", await RefusedAsync("b", "", 1), StringComparison.Ordinal);
        Assert.Contains("send where to fetch it instead", await RefusedAsync("b", "t", 300_000), StringComparison.Ordinal);
        Assert.Contains("ttl: '864000' is no number of seconds up to 604800", await RefusedAsync("b", "t", 1, TimeSpan.FromDays(10)), StringComparison.Ordinal);
        Assert.Equal(0, tree["a"].Messages.Open);
    }

    [Fact]
    public async Task The_socket_is_for_its_owner_only_and_one_a_dead_process_left_is_taken_over()
    {
        await using var tree = await TreeAsync();
        await using (var door = await OpenAsync(tree, "a"))
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(At(tree, "a")));
            var taken = await Assert.ThrowsAsync<RoleException>(() => OpenAsync(tree, "a"));
            Assert.Contains("another process listens at", taken.Message, StringComparison.Ordinal);
        }

        await File.WriteAllTextAsync(At(tree, "b"), "kept", Ct);
        Assert.Contains("is a file", (await Assert.ThrowsAsync<RoleException>(() => OpenAsync(tree, "b"))).Message, StringComparison.Ordinal);
        await File.WriteAllTextAsync(At(tree, "b"), "", Ct); // what a socket looks like that nobody listens at any more
        await using var second = await OpenAsync(tree, "b");
        using MessageClient b = new(At(tree, "b"));
        Assert.Empty(await b.TakeAsync(null, 1, TimeSpan.Zero, Ct));
    }

    [Fact]
    public async Task Nobody_at_the_socket_is_told_with_the_next_step()
    {
        using MessageClient nobody = new("/tmp/ote-nobody-is-here.sock");
        var told = await Assert.ThrowsAsync<MessagesException>(() => nobody.FindAsync("x", Ct));
        Assert.Contains("no controller listens there; start it with --message-socket", told.Message, StringComparison.Ordinal);
    }

    private static async Task<SmallTree> TreeAsync()
    {
        var tree = await SmallTree.StartAsync(Ct);
        await tree.AddAsync("a", "root", [], Ct);
        await tree.AddAsync("b", "root", [], Ct);
        await tree.ClusterIsAsync("a", "online", Ct);
        await tree.ClusterIsAsync("b", "online", Ct);
        return tree;
    }

    private static string At(SmallTree tree, string name) => Path.Combine(tree.Folder, name + ".sock");

    private static Task<MessageDoor> OpenAsync(SmallTree tree, string name) =>
        MessageDoor.StartAsync(At(tree, name), tree[name].Messages, NullLoggerFactory.Instance, TimeProvider.System, Ct);
}
