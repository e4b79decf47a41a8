using System.Threading.Channels;
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
        before.Lost(TimeSpan.FromMinutes(1), planned: true);
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

    [Fact]
    public async Task A_home_that_is_drained_is_returned_to_at_the_first_probe_after_it_takes_children_again_and_not_before()
    {
        var seeker = Start();
        Attach(seeker, "home", Named("other"));
        seeker.Lost(TimeSpan.FromMinutes(1), planned: true);
        seeker.Refused(seeker.Next().Target!, new Refuse { Reason = Refuse.Types.Reason.Draining, RetryAfterMilliseconds = 30_000 });
        Attach(seeker, "other");
        var left = new TaskCompletionSource<(string, bool)>(TaskCreationOptions.RunContinuationsAsynchronously);
        seeker.Redial = (reason, planned) => left.TrySetResult((reason, planned));
        var home = new ProbedHome { Drains = true };
        using var stop = new CancellationTokenSource();
        var running = seeker.RunAsync(home, stop.Token);
        for (var i = 0; i < 20; i++)
        {
            await WhileTimePasses(home.Asked.Reader.ReadAsync(TestContext.Current.CancellationToken).AsTask());
        }

        Assert.False(left.Task.IsCompleted);
        home.Drains = false;
        Assert.Equal(("going home", true), await WhileTimePasses(left.Task));
        Assert.Equal(1, home.Answered);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
    }

    private async Task<T> WhileTimePasses<T>(Task<T> task)
    {
        while (!task.IsCompleted)
        {
            _time.Advance(TimeSpan.FromMilliseconds(100));
            await Task.WhenAny(task, Task.Run(() => { }));
        }

        return await task;
    }

    private ParentSeeker Start() => new(new FailoverOptions(), Home, [], _disk, _time, () => 0, NullLogger.Instance);

    private static void Attach(ParentSeeker seeker, string name, params Candidate[] named)
    {
        var target = seeker.Next().Target!;
        Assert.Equal(name + ":1", target.Authority);
        seeker.Attached(target, new PeerIdentity(name, "uid-" + name), new Welcome { Path = { "root", name }, Candidates = { named } });
    }

    private static Candidate Named(string name) => new() { Name = name, Uid = "uid-" + name, Address = name + ":1", Path = { "root", name } };

    /// <summary>Home answers probes: well, but drained or not.</summary>
    private sealed class ProbedHome : IDialer
    {
        private volatile bool _drains;
        private int _answered;

        public bool Drains
        {
            get => _drains;
            set => _drains = value;
        }

        public Channel<bool> Asked { get; } = Channel.CreateUnbounded<bool>();

        /// <summary>Probes answered while it was not drained.</summary>
        public int Answered => Volatile.Read(ref _answered);

        public Task<Dialed> DialAsync(Uri parent, Action? reached, CancellationToken ct) => throw new NotSupportedException();

        public Task<Probe> ProbeAsync(Uri parent, CancellationToken ct)
        {
            var drains = _drains;
            Interlocked.Add(ref _answered, drains ? 0 : 1);
            Asked.Writer.TryWrite(drains);
            return Task.FromResult(new Probe(new PeerIdentity("home", "uid-home"), new ProbeAnswer { Name = "home", Uid = "uid-home", Path = { "root", "home" }, Rooted = true, Draining = drains }, TimeSpan.Zero));
        }
    }
}
