using Ote.Cluster.Budgets;
using Ote.Cluster.Journal;
using Ote.Cluster.Lateral;
using Ote.Protocol.Tunnel;
using Ote.Tests.Cluster.Handling;

namespace Ote.Tests.Cluster.Lateral;

public sealed class LateralDaysTests
{
    private readonly MemoryJournal _disk = new();
    private static readonly DayCount Some = new(739_680, 12_345, 678);

    [Fact]
    public async Task Counts_outlive_a_restart_each_for_its_peer()
    {
        await LateralDays.Load(_disk).KeepAsync([("c2", Some), ("c3", Some.Add(1, 0))], Allowed("c2", "c3"));
        var next = LateralDays.Load(_disk);
        Assert.Equal((Some, Some.Add(1, 0), default), (next.Of("c2"), next.Of("c3"), next.Of("c4")));
    }

    [Fact]
    public async Task Nothing_is_written_that_is_not_new_and_who_is_not_allowed_any_more_is_forgotten()
    {
        var journal = new FailingJournal(_disk);
        var days = LateralDays.Load(journal);
        await days.KeepAsync([("c2", Some), ("c3", Some), ("stranger", Some)], Allowed("c2", "c3"));
        Assert.Equal(["c2", "c3"], _disk.Load(LateralDays.Book).Select(r => r.Key));

        journal.Fails = true;
        await days.KeepAsync([("c2", Some)], Allowed("c2", "c3")); // fails if it writes
        await Assert.ThrowsAsync<JournalException>(() => days.KeepAsync([("c2", Some.Add(1, 0))], Allowed("c2", "c3")));
        Assert.Equal(Some, days.Of("c2")); // so that it is written next time

        journal.Fails = false;
        await days.KeepAsync([], Allowed("c3"));
        Assert.Equal(["c3"], _disk.Load(LateralDays.Book).Select(r => r.Key));
    }

    private static LateralSet Allowed(params string[] peers)
    {
        var wish = new SetLateral { Name = "c1" };
        wish.Peers.Add(peers.Select(p => new Ote.Protocol.Tunnel.LateralPeer { Name = p, Uid = "uid-" + p, Address = p + ":8287" }));
        return LateralSet.TryRead(wish, out var set, out var fault) ? set : throw new InvalidOperationException(fault);
    }
}
