using Ote.Kube.Leases;

namespace Ote.Tests.Kube.Leases;

/// <summary>Who leads, in virtual time.</summary>
public sealed class ElectionTests
{
    private static readonly DateTimeOffset Clock = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);
    private static readonly ElectionOptions Options = new();

    [Fact]
    public void Lease_that_is_nobodys_is_taken_at_once()
    {
        var a = new Election(Options, "a", "a:1");
        Assert.Equal(0, a.Term);
        var taken = a.Decide(null, 0, Clock)!;
        Assert.Equal(("a", "a:1"), (taken.Holder, taken.Address));
        a.Written(taken, 0);
        Assert.Equal((taken.Term, 10_000L), (a.Term, a.LeadsUntil));
    }

    [Fact]
    public void Lease_of_another_is_left_alone_until_it_was_seen_unchanged_for_its_duration()
    {
        var held = new LeaseRecord("b", "b:1", 7, "x", TimeSpan.FromSeconds(15));
        var a = new Election(Options, "a", "a:1");
        Assert.Null(a.Decide(held, 1000, Clock));
        Assert.Null(a.Decide(held, 15_999, Clock));
        Assert.Null(a.Decide(held with { Renewed = "y" }, 16_000, Clock)); // renewed: counts anew
        Assert.Null(a.Decide(held with { Renewed = "y" }, 30_999, Clock));
        Assert.Equal("a", a.Decide(held with { Renewed = "y" }, 31_000, Clock)!.Holder);
    }

    /// <summary>The holder's clock says that its lease ended years ago, or will end in years.</summary>
    [Theory]
    [InlineData("1999-01-01T00:00:00.000000Z")]
    [InlineData("2099-01-01T00:00:00.000000Z")]
    public void Clocks_of_others_do_not_matter(string renewed)
    {
        var held = new LeaseRecord("b", "b:1", 7, renewed, TimeSpan.FromSeconds(15));
        var a = new Election(Options, "a", "a:1");
        Assert.Null(a.Decide(held, 0, Clock));
        Assert.NotNull(a.Decide(held, 15_000, Clock));
    }

    [Fact]
    public void Lease_that_was_given_up_is_taken_at_once()
    {
        var b = new Election(Options, "b", "b:1");
        b.Written(b.Decide(null, 0, Clock)!, 0);
        var free = b.Resign()!;
        Assert.Equal(("", 0L), (free.Holder, b.Term));
        Assert.Null(b.Resign());
        Assert.Equal("a", new Election(Options, "a", "a:1").Decide(free, 0, Clock)!.Holder);
    }

    [Fact]
    public void Leader_that_has_not_renewed_in_time_leads_in_a_new_term_if_it_leads_again()
    {
        var a = new Election(Options, "a", "a:1");
        a.Written(a.Decide(null, 0, Clock)!, 0);
        var first = a.Term;
        a.Written(a.Decide(a.Seen, 9000, Clock)!, 9000);
        Assert.Equal(first, a.Term);
        var again = a.Decide(a.Seen, 19_000, Clock)!;
        Assert.Equal(0, a.Term);
        a.Written(again, 19_000);
        Assert.True(a.Term > first);
    }

    [Fact]
    public void Terms_grow_over_a_lease_that_was_deleted()
    {
        var a = new Election(Options, "a", "a:1");
        a.Written(a.Decide(null, 0, Clock)!, 0);
        var b = new Election(Options, "b", "b:1");
        Assert.True(b.Decide(null, 0, Clock.AddSeconds(5))!.Term > a.Term);
    }

    /// <summary>Candidates whose monotonic clocks run alike and whose calendars do not, that hang, die, and lose the answers to their writes.</summary>
    [Fact]
    public void Never_do_two_lead_at_once_and_terms_only_grow()
    {
        for (var seed = 1; seed <= 300; seed++)
        {
            var random = new Random(seed);
            var candidates = Enumerable.Range(0, 3).Select(_ => new Candidate(random, Options)).ToArray();
            LeaseRecord? lease = null;
            long version = 0, terms = 0;
            var led = 0;
            for (long now = 0; now < 600_000; now += 250)
            {
                foreach (var candidate in candidates.OrderBy(_ => random.Next()))
                {
                    candidate.Step(now, ref lease, ref version);
                }

                var leaders = candidates.Where(c => c.Leads(now)).ToArray();
                Assert.True(leaders.Length <= 1, $"seed {seed}: {leaders.Length} lead at {now}");
                led += leaders.Length;
                if (lease is { Holder.Length: > 0 })
                {
                    Assert.True(lease.Term >= terms, $"seed {seed}: term {lease.Term} after {terms}");
                    terms = lease.Term;
                }
            }

            Assert.True(led > 600, $"seed {seed}: somebody led for {led} of 2400 looks only");
        }
    }

    private sealed class Candidate(Random random, ElectionOptions options)
    {
        private readonly TimeSpan _wrong = TimeSpan.FromHours(random.Next(-50, 50));
        private Election _election = new(options, $"{random.Next()}", "x:1");
        private (LeaseRecord? Lease, long Version, long Now)? _read;
        private long _next;

        public bool Leads(long now) => now < _election.LeadsUntil;

        /// <summary>Reads at one step and writes at a later one, so that another can come in between.</summary>
        public void Step(long now, ref LeaseRecord? lease, ref long version)
        {
            if (now < _next)
            {
                return;
            }

            if (_read is not { } read)
            {
                _read = (lease, version, now);
                _next = now + (random.Next(10) == 0 ? random.Next(20_000) : 0);
                return;
            }

            _read = null;
            _next = now + 2000 + (random.Next(20) == 0 ? random.Next(40_000) : 0);
            if (random.Next(60) == 0)
            {
                _election = new Election(options, $"{random.Next()}", "x:1"); // died, and was started again
                return;
            }

            if (_election.Decide(read.Lease, read.Now, Clock.AddMilliseconds(now) + _wrong) is not { } next || version != read.Version)
            {
                return;
            }

            (lease, version) = (next, version + 1);
            if (random.Next(10) > 0)
            {
                _election.Written(next, read.Now); // else the answer was lost
            }
        }
    }
}
