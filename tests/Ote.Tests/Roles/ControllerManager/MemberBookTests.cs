using Ote.Kube.Leases;
using Ote.Roles.ControllerManager;

namespace Ote.Tests.Roles.ControllerManager;

/// <summary>What one controller manager knows of all.</summary>
public sealed class MemberBookTests
{
    private const long Lasts = 15_000;
    private readonly MemberBook _book = new("me", 8, TimeSpan.FromMilliseconds(Lasts));

    [Fact]
    public void Who_does_not_renew_for_as_long_as_a_lease_lasts_by_the_own_clock_lives_no_more()
    {
        _book.Note([Lease(0, "a", "1")], 0);
        Assert.Equal(["a"], Living(Lasts - 1));
        _book.Note([Lease(0, "a", "2")], 10_000);
        Assert.Equal(["a"], Living(10_000 + Lasts - 1));
        Assert.Empty(Living(10_000 + Lasts));
    }

    [Fact]
    public void Who_gives_its_lease_up_or_whose_lease_is_taken_away_lives_no_more_at_once()
    {
        _book.Note([Lease(0, "a", "1"), Lease(1, "b", "1")], 0);
        _book.Note([Lease(0, "", "1")], 1);
        Assert.Empty(Living(1));
    }

    [Fact]
    public void One_that_comes_takes_the_first_lease_that_is_free_or_over_and_keeps_it()
    {
        Assert.Equal(0, _book.Slot(0));
        _book.Note([Lease(0, "a", "1"), Lease(1, "", "1"), Lease(2, "c", "1")], 0);
        Assert.Equal(1, _book.Slot(1));
        _book.Note([Lease(0, "a", "1"), Lease(1, "b", "1"), Lease(2, "c", "2")], 10_000);
        Assert.Equal(3, _book.Slot(10_001));
        Assert.Equal(0, _book.Slot(Lasts));
        _book.Note([Lease(0, "a", "1"), Lease(1, "b", "1"), Lease(2, "c", "2"), Lease(3, "me", "1")], Lasts);
        Assert.Equal(3, _book.Slot(Lasts));
        Assert.Equal(["b", "c", "me"], Living(Lasts));
    }

    [Fact]
    public void When_all_leases_are_others_there_is_none_for_it()
    {
        _book.Note([.. Enumerable.Range(0, 16).Select(slot => Lease(slot, $"m{slot}", "1"))], 0);
        Assert.Null(_book.Slot(Lasts - 1));
        Assert.Equal(0, _book.Slot(Lasts));
    }

    [Fact]
    public void A_restarted_member_counts_once_while_the_lease_of_its_former_run_lasts()
    {
        _book.Note([Lease(0, "former", "1", id: "x", term: 100), Lease(1, "latter", "1", id: "x", term: 200)], 0);
        Assert.Equal(["latter"], Living(1));
        _book.Note([Lease(0, "former", "1", id: "mine", term: 300), Lease(1, "me", "1", id: "mine", term: 200)], 2);
        Assert.Equal(["me"], Living(3));
    }

    [Fact]
    public void Who_came_later_and_divides_otherwise_takes_no_part_until_the_elder_is_gone()
    {
        _book.Note([Lease(0, "elder", "1", term: 100, shards: 4), Lease(1, "me", "1", term: 200)], 0);
        Assert.Equal("the controller manager at elder:1 divides clusters among 4 shards, and this one among 8: give all the same --shards", _book.Against(1));
        _book.Note([Lease(0, "elder", "1", term: 100, shards: 4), Lease(1, "me", "2", term: 200)], 10_000);
        Assert.Null(_book.Against(Lasts));
        // Of those that came later it is the others' to notice.
        _book.Note([Lease(1, "me", "3", term: 200), Lease(2, "later", "1", term: 201, shards: 4)], Lasts);
        Assert.Null(_book.Against(Lasts));
    }

    private static Member Lease(int slot, string holder, string renewed, string? id = null, long term = 1, int shards = 8) =>
        new(slot, id ?? holder, "pem", shards, new LeaseRecord(holder, $"{holder}:1", term, renewed, TimeSpan.FromMilliseconds(Lasts)));

    private IEnumerable<string> Living(long now) => _book.Living(now).Select(m => m.Lease.Holder);
}
