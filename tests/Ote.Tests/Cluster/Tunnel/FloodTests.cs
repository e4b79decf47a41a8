using System.Globalization;
using Ote.Cluster.Tunnel;

namespace Ote.Tests.Cluster.Tunnel;

/// <summary>A child that sends more than its share is read more slowly; it keeps its link, and nobody waits for it.</summary>
public sealed class FloodTests
{
    private const int PerSecond = 10;

    [Fact]
    public async Task Child_that_floods_is_read_at_its_rate_after_a_burst_of_twice_that_and_another_is_not_held_up()
    {
        await using MemoryTree tree = new(new TunnelOptions { MaxMessagesPerSecond = PerSecond });
        ILink flood = await AttachAsync(tree, "flood"), calm = await AttachAsync(tree, "calm");
        DateTimeOffset began = tree.Time.GetUtcNow();
        for (int i = 0; i <= 2 * PerSecond; i++) // the last of them is on credit
        {
            Send(flood, i); // one a packet: whole packets are read
            Assert.Equal(Text(i), TestMessages.TextOf((await tree.Root.NextMessage()).Message));
        }

        Send(calm, 99);
        Assert.Equal(Text(99), TestMessages.TextOf((await tree.Root.NextMessage()).Message));
        Assert.Equal(began, tree.Time.GetUtcNow());

        for (int i = 0; i < 3 * PerSecond; i++)
        {
            Send(flood, i);
            await tree.While(tree.Root.NextMessage(), 0.01);
        }

        Assert.True(tree.Time.GetUtcNow() - began >= TimeSpan.FromSeconds(3), $"three seconds' worth took {tree.Time.GetUtcNow() - began}");
        Assert.True(flood.IsUp);
    }

    [Fact]
    public async Task Child_that_floods_is_never_left_unread_for_so_long_that_it_would_seem_lost()
    {
        await using MemoryTree tree = new(new TunnelOptions { MaxMessagesPerSecond = 1 });
        ILink flood = await AttachAsync(tree, "flood");
        for (int i = 0; i < 60; i++) Send(flood, i); // a minute's worth
        for (int i = 0; i < 60; i++) await tree.While(tree.Root.NextMessage());

        Task later = flood.SendDurableAsync(TestMessages.Text("later"), TestContext.Current.CancellationToken);
        await tree.While(Finish(later), 0.5);
        Assert.DoesNotContain(tree.Root.Events, e => e.StartsWith('-'));
        Assert.True(flood.IsUp);
    }

    private static async Task<ILink> AttachAsync(MemoryTree tree, string name)
    {
        MemoryChild child = tree.Run(tree.Child(name));
        await tree.Root.NextAttached();
        return (await child.Handler.NextAttached()).Link;
    }

    private static void Send(ILink link, int number) => Assert.True(link.TrySend(TestMessages.Text(Text(number))));

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    private static async Task<bool> Finish(Task task)
    {
        await task;
        return true;
    }
}
