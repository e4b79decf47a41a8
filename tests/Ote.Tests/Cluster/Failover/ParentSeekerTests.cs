using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Ote.Cluster.Failover;
using Ote.Cluster.Journal;
using Ote.Cluster.Tunnel;
using Ote.Protocol.Tunnel;

namespace Ote.Tests.Cluster.Failover;

public sealed class ParentSeekerTests
{
    private static readonly Uri Home = new("https://home:1");
    private readonly MemoryJournal _disk = new();
    private readonly FakeTimeProvider _time = new();

    [Fact]
    public async Task A_pin_is_kept_over_a_restart_though_nobody_names_the_pinned_parent_but_itself()
    {
        var before = Start();
        Attach(before, "home", Named("other"));
        await before.WishAsync(new SetPlacement { Name = "c1", PinnedParent = "other" });
        before.Lost(TimeSpan.FromMinutes(1));
        Attach(before, "other", Named("uncle")); // a parent names its kin, not itself
        await before.WishAsync(before.Placement);

        var after = Start();

        Assert.Equal("other", after.Next().Target?.Name);
    }

    [Fact]
    public async Task A_wish_that_comes_again_after_a_newer_one_of_the_same_object_changes_nothing_also_after_a_restart()
    {
        var seeker = Start();
        await seeker.WishAsync(new SetPlacement { Name = "c1", PinnedParent = "other", Generation = 2, ObjectUid = "o1" });
        await seeker.WishAsync(new SetPlacement { Name = "c1", Generation = 3, ObjectUid = "o1" });

        seeker = Start();
        await seeker.WishAsync(new SetPlacement { Name = "c1", PinnedParent = "other", Generation = 2, ObjectUid = "o1" });
        Assert.Equal("", seeker.Placement.PinnedParent);

        // The object of another control entry, or one that was made anew, counts its own generations.
        await seeker.WishAsync(new SetPlacement { Name = "c1", PinnedParent = "other", Generation = 1, ObjectUid = "o2" });
        Assert.Equal("other", seeker.Placement.PinnedParent);
    }

    private ParentSeeker Start() => new(new FailoverOptions(), Home, [], _disk, _time, () => 0, NullLogger.Instance);

    private static void Attach(ParentSeeker seeker, string name, params Candidate[] named)
    {
        var target = seeker.Next().Target!;
        Assert.Equal(name + ":1", target.Authority);
        seeker.Attached(target, new PeerIdentity(name, "uid-" + name), new Welcome { Path = { "root", name }, Candidates = { named } });
    }

    private static Candidate Named(string name) => new() { Name = name, Uid = "uid-" + name, Address = name + ":1", Path = { "root", name } };
}
