using System.Text.Json.Nodes;
using Ote.Kube.Objects;

namespace Ote.Tests.Ctl.Messages;

public sealed class SendCommandTests
{
    [Fact]
    public async Task Send_waits_for_the_delivery_and_tells_it()
    {
        await using var world = await CtlWorld.StartAsync();
        var sending = world.RunAsync("send", "c1", "--topic", "orders", "--data", "hi", "--ttl", "5m");
        var made = await EndAsync(world, "Delivered", "", 2);
        Assert.Equal((0, $"message {made.Name()} delivered to c1 over 2 links\n"), Said(await sending));
        Assert.Equal(("c1", "orders", "hi", 300L), (made.Text("spec", "to"), made.Text("spec", "topic"), made.Text("spec", "data"), made.Whole("spec", "ttlSeconds")));
    }

    [Theory]
    [InlineData("NoCluster", "no cluster of the tree is called 'c1'", 4, "otectl get clusters lists")]
    [InlineData("Expired", "its time ended at root", 3, "ended as Expired: its time ended at root; see otectl describe cluster c1 for whether it is reached, and send it again with a longer --ttl")]
    [InlineData("Refused", "no room at c1", 3, "ended as Refused: no room at c1; when that is mended, send it again")]
    public async Task One_that_is_not_delivered_is_an_error_with_the_reason(string state, string text, int code, string says)
    {
        await using var world = await CtlWorld.StartAsync();
        var sending = world.RunAsync("send", "c1", "--topic", "t", "--data", "hi");
        await EndAsync(world, state, text, 0);
        var result = await sending;
        Assert.Equal(code, result.Code);
        Assert.Contains(says, result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Send_without_waiting_says_that_it_is_on_its_way_and_reads_standard_input()
    {
        await using var world = await CtlWorld.StartAsync();
        world.Input = "from a pipe";
        var result = await world.RunAsync("send", "c1", "--topic", "t", "--filename", "-", "--no-wait", "-o", "name");
        Assert.Equal(0, result.Code);
        Assert.StartsWith("clustermessage.ote.baidu.com/to-c1-", result.Out, StringComparison.Ordinal);
        var made = Assert.Single((await world.Api.ListAsync(Kinds.ClusterMessages, "ote-system", null, CtlWorld.Stop)).Items);
        Assert.Equal("from a pipe"u8.ToArray(), Convert.FromBase64String(made.Text("spec", "binaryData")!));
    }

    [Fact]
    public async Task Send_that_takes_too_long_says_what_it_waits_for_and_exits_with_5()
    {
        await using var world = await CtlWorld.StartAsync();
        var sending = world.RunAsync("send", "c1", "--topic", "t", "--data", "x", "--timeout", "10s");
        await MadeAsync(world);
        world.Time.Advance(TimeSpan.FromSeconds(11));
        var result = await sending;
        Assert.Equal(5, result.Code);
        Assert.Contains("was not delivered within 10s", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Send_says_at_once_what_a_message_waits_for_that_is_held_back()
    {
        await using var world = await CtlWorld.StartAsync();
        var sending = world.RunAsync("send", "c1", "--topic", "t", "--data", "hi");
        var made = (await MadeAsync(world)).Copy();
        const string Held = "waits at root: quiet hours of the link of c1, until 2026-03-02 06:00 UTC at the latest";
        made["status"] = new JsonObject { ["state"] = "OnItsWay", ["message"] = Held, ["hops"] = 0 };
        await world.Api.ReplaceStatusAsync(Kinds.ClusterMessages, made, CtlWorld.Stop);
        await world.Progress.WhenSays(Held).WaitAsync(CtlWorld.Stop);
        await EndAsync(world, "Delivered", "", 1);
        var result = await sending;
        Assert.Equal((0, $"message {made.Name()} {Held}\n"), (result.Code, result.Error));
    }

    [Theory]
    [InlineData("give the content by --data TEXT or by --filename FILE", "send", "c1", "--topic", "t")]
    [InlineData("to: cluster name 'C1'", "send", "C1", "--topic", "t", "--data", "x")]
    [InlineData("--socket: messages are taken at a cluster", "receive")]
    [InlineData("--ttl: '8d' is more than the 7d that a message may wait", "send", "c1", "--topic", "t", "--data", "x", "--ttl", "8d")]
    public async Task Wrong_use_is_refused_before_anything_is_sent(string says, params string[] arguments)
    {
        await using var world = await CtlWorld.StartAsync();
        var result = await world.RunAsync(arguments);
        Assert.Equal(2, result.Code);
        Assert.Contains(says, result.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("receive")]
    [InlineData("send", "c1", "--topic", "t", "--data", "x")]
    public async Task Socket_that_is_not_there_is_told_as_that(params string[] arguments)
    {
        await using var world = await CtlWorld.StartAsync();
        var result = await world.RunAsync([.. arguments, "--socket", "/no/such.sock"]);
        Assert.Equal(
            (6, "error: /no/such.sock: no controller listens there; start it with --message-socket and this path, or name the path that it was started with\n"), (result.Code, result.Error));
    }

    private static (int Code, string Out) Said(CtlResult result) => (result.Code, result.Out);

    private static async Task<JsonObject> MadeAsync(CtlWorld world)
    {
        while (true)
        {
            if ((await world.Api.ListAsync(Kinds.ClusterMessages, "ote-system", null, CtlWorld.Stop)).Items is [var made])
            {
                return made;
            }

            await Task.Delay(TimeSpan.FromMilliseconds(5), TimeProvider.System, CtlWorld.Stop);
        }
    }

    private static async Task<JsonObject> EndAsync(CtlWorld world, string state, string text, int hops)
    {
        var made = (await MadeAsync(world)).Copy();
        made["status"] = new JsonObject { ["state"] = state, ["message"] = text, ["hops"] = hops, ["completionTime"] = "2026-03-01T12:00:01Z" };
        return await world.Api.ReplaceStatusAsync(Kinds.ClusterMessages, made, CtlWorld.Stop);
    }
}
