using Ote.Cluster.Failover;
using Ote.Flow;
using Ote.Protocol.Tunnel;

namespace Ote.Tests.Cluster.Failover;

public sealed class FailoverPlanTests
{
    private static readonly Uri HomeAddress = new("https://home:1");
    private readonly FailoverPlan plan = New();

    [Fact]
    public void Home_isFirst_andIsTriedAgainAfterGrowingWaits_whenThereIsNobodyElse()
    {
        ParentStep first = plan.Next(0);
        Assert.Equal(HomeAddress, first.Target!.Address);
        TimeSpan wait = plan.Failed(first.Target, 0);

        Assert.Null(plan.Next(0).Target);
        Assert.Equal(wait, plan.Next(0).Wait);
        Assert.NotNull(plan.Next((long)wait.TotalMilliseconds).Target);
        Assert.True(plan.Failed(first.Target, 100) > wait);
    }

    [Fact]
    public void TheLostParent_isTriedOnceMore_thenTheOthersInTheOrderGiven()
    {
        Attach("p", ["root", "p"], Candidate("u2", "root"), Candidate("u1", "root"), Candidate("root"), Candidate("sister", "root", "p"));
        plan.Lost(TimeSpan.FromMinutes(1), leaves: false, 1000);

        Assert.Equal(["home:1", "u2:1", "u1:1", "root:1", "sister:1"], Dialled(1000, 5));
    }

    [Fact]
    public void TheLostParent_isNotWaitedForLong_whenThereAreOthers_alsoIfItsMachineAnswers()
    {
        Attach("p", ["root", "p"], Candidate("u1", "root"));
        plan.Lost(TimeSpan.FromMinutes(1), leaves: false, 0);
        ParentStep again = plan.Next(0);
        Assert.Equal(("home:1", true), (again.Target!.Address.Authority, again.IsHurried));

        plan.Failed(again.Target, 0);
        Assert.False(plan.Next(0).IsHurried);
    }

    [Fact]
    public void TheLostParent_isGivenItsTime_whenThereIsNobodyElse()
    {
        Attach("p", ["root", "p"]);
        plan.Lost(TimeSpan.FromMinutes(1), leaves: false, 0);
        Assert.False(plan.Next(0).IsHurried);
    }

    [Fact]
    public void AfterAnOutageOfTheSitesOwn_homeIsTriedFirst_whoeversWaitEndsFirst()
    {
        Attach("p", ["root", "p"], Candidate("u1", "root"), Candidate("u2", "root"));
        plan.Lost(TimeSpan.FromMinutes(1), leaves: false, 0);
        long now = 0;
        List<string> dialled = [];
        while (now < 120_000)
        {
            ParentStep step = plan.Next(now);
            if (step.Target is not { } target)
            {
                now += Math.Max(1, (long)step.Wait.TotalMilliseconds);
                continue;
            }

            dialled.Add(target.Address.Authority);
            plan.Failed(target, now);
            now += 1000; // of being told that there is no way
        }

        // Whoever answers first after the outage: home was asked since anybody else was.
        List<string> late = dialled[^20..];
        Assert.DoesNotContain(late.Zip(late.Skip(1)), pair => pair.First != "home:1" && pair.Second != "home:1");
    }

    [Fact]
    public void AParent_thatHearsNothingOfTheRoot_isLeftForOneThatDoes_andLeftAloneForAWhile()
    {
        FailoverOptions figures = new();
        Attach("p", ["root", "p"], Candidate("u1", "root"), Candidate("u2", "root"));
        Assert.Equal(["u1:1", "u2:1"], plan.Others().Select(o => o.Address.Authority));
        plan.Forsake(plan.Others()[1]);
        plan.Lost(TimeSpan.FromMinutes(5), leaves: true, 1000);
        ParentTarget better = plan.Next(1000).Target!;
        Assert.Equal("u2", better.Name);

        // It says no after all: the other is next, and home has its time.
        plan.Refused(better, new Refuse { RetryAfterMilliseconds = 60_000 }, 1000);
        Assert.Equal("u1", plan.Next(1000).Target!.Name);
        plan.Refused(plan.Next(1000).Target!, new Refuse { RetryAfterMilliseconds = 60_000 }, 1000);
        Assert.Null(plan.Next(1000 + (long)figures.UnrootedFor.TotalMilliseconds - 1).Target);
        Assert.True(plan.Next(1000 + (2 * (long)figures.UnrootedFor.TotalMilliseconds)).Target!.IsHome);
    }

    [Fact]
    public void AParent_thatAnOperatorPinsTo_isDialledAtOnce_whateverItSaidBefore()
    {
        Attach("p", ["root", "p"], Candidate("u1", "root"));
        plan.Refused(Target("u1"), new Refuse { Reason = Refuse.Types.Reason.Draining, RetryAfterMilliseconds = 30_000 }, 0);
        plan.Wish(new SetPlacement { PinnedParent = "u1" });
        plan.Lost(TimeSpan.FromMinutes(1), leaves: true, 1000);
        Assert.Equal("u1", plan.Next(1000).Target?.Name);

        // The same wish, told once more, hurries nobody.
        plan.Refused(Target("u1"), new Refuse { Reason = Refuse.Types.Reason.Draining, RetryAfterMilliseconds = 30_000 }, 1000);
        plan.Wish(new SetPlacement { PinnedParent = "u1" });
        Assert.Null(plan.Next(1001).Target);
    }

    [Fact]
    [Trait("Defect", "T12")]
    public void AReplicaThatDoesNotLead_sendsToTheOneThatDoes_atOnceAndOnce()
    {
        Refuse elsewhere = new() { Reason = Refuse.Types.Reason.NotLeader, Candidates = { new Candidate { Name = "root", Uid = "r", Address = "leader:1" } } };
        plan.Refused(plan.Next(0).Target!, elsewhere, 0);
        ParentTarget leader = plan.Next(0).Target!;
        Assert.Equal(("leader:1", true), (leader.Address.Authority, leader.IsHome));

        // It has just lost the lease and names the first one: neither is dialled again at once.
        plan.Refused(leader, new Refuse { Reason = Refuse.Types.Reason.NotLeader, Candidates = { new Candidate { Name = "root", Uid = "r", Address = "home:1" } } }, 0);
        Assert.Null(plan.Next(0).Target);

        plan.Attached(leader, "root", "r", ["root"], 0);
        Assert.Equal((HomeAddress, "root"), (plan.Home.Address, plan.Home.Name));
        Assert.True(plan.Current!.IsHome);
    }

    [Fact]
    public void ACluster_thatFindsNobodyItIsAllowed_asksOneItIsNot_everMoreRarely_andStaysOnlyToHearTheOperatorsWord()
    {
        FailoverOptions figures = new();
        Attach("p", ["root", "p"]);
        plan.Wish(new SetPlacement { ForbiddenParents = { "p" } });
        plan.Lost(TimeSpan.FromMinutes(1), leaves: true, 0);
        long stranded = (long)figures.StrandedFor.TotalMilliseconds;

        Assert.Null(plan.Next(0).Target);
        Assert.Null(plan.Next(stranded - 1).Target);
        ParentTarget asked = plan.Next(stranded).Target!;
        Assert.Equal("p", asked.Name);

        plan.Attached(asked, "p", "uid-p", ["root", "p"], stranded);
        Assert.False(plan.HasAsked(stranded));
        long heard = stranded + (long)figures.AskFor.TotalMilliseconds;
        Assert.True(plan.HasAsked(heard));
        plan.Lost(figures.AskFor, leaves: true, heard);
        Assert.Null(plan.Next(heard + stranded).Target);
        Assert.Equal("p", plan.Next(heard + (2 * stranded)).Target!.Name);

        plan.Attached(asked, "p", "uid-p", ["root", "p"], heard + (2 * stranded));
        Assert.False(plan.Wish(new SetPlacement())); // allowed again: it stays
        Assert.False(plan.HasAsked(long.MaxValue / 2));
    }

    [Fact]
    public void AnAllowedParent_isTriedBeforeOneThatIsNot_howeverLongNobodyAnswers()
    {
        Attach("p", ["root", "p"], Candidate("u1", "root"));
        plan.Wish(new SetPlacement { ForbiddenParents = { "p" } });
        plan.Lost(TimeSpan.FromMinutes(1), leaves: true, 0);
        Assert.Equal("u1", plan.Next((long)TimeSpan.FromHours(2).TotalMilliseconds).Target!.Name);
    }

    [Fact]
    public void ACluster_thatIsRefusedForGoodByWhomItIsPinnedTo_doesNotSleepOverTheTimeToAskAnother()
    {
        FailoverPlan late = New(random: 1);
        PinTo(late, "u1");
        TimeSpan wait = late.Refused(late.Next(0).Target!, new Refuse { Never = true }, 0);
        long stranded = (long)new FailoverOptions().StrandedFor.TotalMilliseconds;

        Assert.True(wait.TotalMilliseconds > stranded);
        Assert.Equal(stranded, late.Next(0).Wait.TotalMilliseconds);
        Assert.Equal("p", late.Next(stranded).Target!.Name);
    }

    [Fact]
    public void ACluster_whoseLinksToWhomItIsPinnedToBreakAtOnce_asksAnother_asIfThereHadBeenNone()
    {
        PinTo(plan, "u1");
        var (asked, now) = Flap(plan, 0, 600_000, until: "p");

        Assert.Equal("p", asked[^1].Name);
        Assert.InRange(now, 300_000, 330_000);
        Assert.All(asked.SkipLast(1), a => Assert.Equal("u1", a.Name));
    }

    [Fact]
    public void LinksThatBreakRightAfterTheyCameUp_areTriedEverMoreRarely_overAllParentsTogether()
    {
        plan.Attached(plan.Next(0).Target!, "p", "uid-p", ["root", "p"], 0);
        plan.Learn(Others("p"));
        plan.Lost(TimeSpan.FromMinutes(1), leaves: false, 0);
        var (attached, _) = Flap(plan, 0, 120_000);

        Assert.InRange(attached.Count(a => a.At < 4_000), 3, 9);
        Assert.InRange(attached.Count(a => a.At >= 60_000), 3, 6);
        Assert.True(attached.Select(a => a.Name).Distinct().Count() > 2); // the next may be better
    }

    [Fact]
    public void ALinkThatLasted_makesTheNextAttemptsFree_howeverOftenLinksBrokeBefore()
    {
        plan.Attached(plan.Next(0).Target!, "p", "uid-p", ["root", "p"], 0);
        plan.Learn(Others("p"));
        plan.Lost(TimeSpan.FromMinutes(1), leaves: false, 0);
        var (_, now) = Flap(plan, 0, 60_000);
        now += (long)plan.Next(now).Wait.TotalMilliseconds;
        AttachNext(plan, now);
        now += 60_000;
        plan.Lost(TimeSpan.FromMinutes(1), leaves: false, now);

        for (int free = 0; free < 3; free++)
        {
            AttachNext(plan, now); // its target is there without a wait
            plan.Lost(TimeSpan.FromSeconds(1), leaves: false, now);
        }

        Assert.Null(plan.Next(now).Target);
    }

    [Fact]
    public void ALinkThatTheClusterEndsItself_isNoneThatBroke()
    {
        plan.Attached(plan.Next(0).Target!, "p", "uid-p", ["root", "p"], 0);
        plan.Learn(Others("p"));
        for (int moves = 0; moves < 4; moves++)
        {
            plan.Lost(TimeSpan.FromSeconds(1), leaves: true, 0);
            AttachNext(plan, 0);
        }
    }

    [Fact]
    public void AParent_doesNotSendToAnotherClusterInItsPlace()
    {
        plan.Restore("root", "r");
        plan.Refused(plan.Next(0).Target!, new Refuse { Reason = Refuse.Types.Reason.NotLeader, Candidates = { new Candidate { Name = "evil", Uid = "e", Address = "evil:1" } } }, 0);
        Assert.Null(plan.Next(0).Target);
    }

    [Fact]
    public void Orphans_spreadTheirFirstAttemptAtAnother()
    {
        FailoverPlan late = New(random: 1);
        Attach(late, "p", ["root", "p"], Candidate("u1", "root"));
        late.Lost(TimeSpan.FromMinutes(1), leaves: false, 1000);
        late.Failed(late.Next(1000).Target!, 1000);

        Assert.Null(late.Next(1399).Target);
        Assert.Equal("u1:1", late.Next(1400).Target!.Address.Authority);
    }

    [Fact]
    [Trait("Defect", "T12")]
    public void WhoFailedBefore_isWaitedForLonger_soThatSlowParentsAreNotGivenUpForever()
    {
        Assert.Equal(1, plan.Next(0).Patience);
        Attach("p", ["root", "p"], Candidate("u1", "root"));
        plan.Lost(TimeSpan.FromMinutes(1), leaves: false, 0);

        List<double> patience = [];
        for (long now = 0; patience.Count < 8; now += 60_000)
        {
            ParentStep step = plan.Next(now);
            patience.Add(step.Patience);
            plan.Failed(step.Target!, now);
        }

        Assert.Equal([0.25, 0.25, 0.5, 0.5, 1, 1, 1, 1], patience);
    }

    [Fact]
    public void ANearCandidate_isPreferred_whenOthersAreFar()
    {
        Attach("p", ["root", "p"], Candidate("far", "root"), Candidate("near", "root"));
        plan.Measured(Target("far"), TimeSpan.FromMilliseconds(300));
        plan.Measured(Target("near"), TimeSpan.FromMilliseconds(20));
        plan.Lost(TimeSpan.FromMinutes(1), leaves: false, 0);

        Assert.Equal(["home:1", "near:1", "far:1"], Dialled(0, 3));
    }

    [Fact]
    public void ACandidateAtTheOwnDepth_isBehindThoseAbove()
    {
        Attach("p", ["root", "p"], Candidate("sister", "root", "p"), Candidate("uncle", "root"));
        plan.Lost(TimeSpan.FromMinutes(1), leaves: false, 0);

        Assert.Equal(["home:1", "uncle:1", "sister:1"], Dialled(0, 3));
    }

    [Fact]
    public void APinnedParent_isTheOnlyOne_andAForbiddenOneIsNone()
    {
        Attach("p", ["root", "p"], Candidate("u1", "root"), Candidate("u2", "root"));

        Assert.True(plan.Wish(new SetPlacement { PinnedParent = "u2" }));
        Assert.False(plan.Wish(new SetPlacement { PinnedParent = "p" }));
        Assert.True(plan.Wish(new SetPlacement { ForbiddenParents = { "p", "u1" } }));
        plan.Lost(TimeSpan.FromMinutes(1), leaves: true, 0);

        Assert.Equal(["u2:1", "u2:1"], Dialled(0, 2));
    }

    [Fact]
    public void APinToAParentNobodyKnowsTheWayTo_changesNothing()
    {
        Attach("p", ["root", "p"], Candidate("u1", "root"));

        Assert.False(plan.Wish(new SetPlacement { PinnedParent = "own-child" }));
        plan.Lost(TimeSpan.FromMinutes(1), leaves: false, 0);

        Assert.Equal(["home:1", "u1:1"], Dialled(0, 2));
    }

    [Fact]
    public void ARefusalForGood_leavesThatParentAlone_andWhomItNamesIsTried()
    {
        ParentTarget home = plan.Next(0).Target!;
        TimeSpan wait = plan.Refused(home, new Refuse { Never = true, Candidates = { Candidate("other", "root") } }, 0);

        Assert.True(wait > TimeSpan.FromMinutes(1));
        Assert.Equal("other:1", plan.Next(0).Target!.Address.Authority);
    }

    [Fact]
    public void AParentThatRefusesForNow_isAskedAgainWhenItSaid()
    {
        ParentTarget home = plan.Next(0).Target!;

        Assert.True(plan.Refused(home, new Refuse { RetryAfterMilliseconds = 30_000 }, 0) >= TimeSpan.FromSeconds(30));
    }

    [Fact]
    public void AFormerParent_isKnown_thoughItDoesNotNameItself()
    {
        Attach("p", ["root", "p"], Candidate("u1", "root"));
        plan.Lost(TimeSpan.FromMinutes(1), leaves: false, 0);
        plan.Failed(plan.Next(0).Target!, 0);
        ParentTarget uncle = plan.Next(0).Target!;
        plan.Attached(uncle, "u1", "uid-u1", ["root", "u1"], 0);
        plan.Learn([Candidate("root")]);
        plan.GoHome();
        plan.Lost(TimeSpan.FromMinutes(1), leaves: true, 60_000);

        Assert.Equal(["home:1", "root:1", "u1:1"], Dialled(60_000, 3));
    }

    [Fact]
    public void WhatIsRemembered_isBounded()
    {
        plan.Learn(Enumerable.Range(0, 1000).Select(i => Candidate("u" + i, "root")));

        Assert.Equal(FailoverPlan.MaxCandidates, plan.Learned.Count);
    }

    [Fact]
    public void ACandidateWithoutAnAddressOrAName_isDropped()
    {
        plan.Learn([new Candidate { Name = "u1", Address = "no address" }, new Candidate { Address = "u2:1" }]);

        Assert.Empty(plan.Learned);
    }

    private static FailoverPlan New(double random = 0) => new(
        new FailoverOptions { Backoff = new BackoffOptions(TimeSpan.FromMilliseconds(100), TimeSpan.FromSeconds(15)) }, HomeAddress, [], () => random);

    private static Candidate Candidate(string name, params string[] above) => new() { Name = name, Uid = "uid-" + name, Address = name + ":1", Path = { above, name } };

    private static ParentTarget Target(string name) => ParentTarget.From(Candidate(name, "root"))!;

    private static void Attach(FailoverPlan plan, string name, string[] path, params Candidate[] candidates)
    {
        plan.Attached(plan.Next(0).Target!, name, "uid-" + name, path, 0);
        plan.Learn(candidates);
    }

    private void Attach(string name, string[] path, params Candidate[] candidates) => Attach(plan, name, path, candidates);

    private static Candidate[] Others(string name) => [.. new[] { "u1", "u2", "u3", "u4" }.Where(n => n != name).Select(n => Candidate(n, "root"))];

    private static void PinTo(FailoverPlan plan, string name)
    {
        plan.Attached(plan.Next(0).Target!, "p", "uid-p", ["root", "p"], 0);
        plan.Learn(Others("p"));
        plan.Wish(new SetPlacement { PinnedParent = name });
        plan.Lost(TimeSpan.FromMinutes(1), leaves: true, 0);
    }

    private static string AttachNext(FailoverPlan plan, long now)
    {
        ParentTarget target = plan.Next(now).Target!;
        string name = target.IsHome ? "p" : target.Name;
        plan.Attached(target, name, "uid-" + name, ["root", name], now);
        plan.Learn(Others(name)); // as parents do: themselves left out
        return name;
    }

    /// <summary>Everybody answers, and each link is gone after 24 ms: whom it attached to and when, and when that was over.</summary>
    private static (List<(string Name, long At)> Attached, long Now) Flap(FailoverPlan plan, long now, long to, string? until = null)
    {
        List<(string Name, long At)> attached = [];
        while (now < to)
        {
            ParentStep step = plan.Next(now);
            if (step.Target is null)
            {
                now += Math.Max(1, (long)step.Wait.TotalMilliseconds);
                continue;
            }

            attached.Add((AttachNext(plan, now), now));
            if (attached[^1].Name == until) break;
            now += 24;
            plan.Lost(TimeSpan.FromMilliseconds(24), leaves: false, now);
        }

        return (attached, now);
    }

    /// <summary>Whom it dials when nobody ever answers, as far as it does not wait.</summary>
    private List<string> Dialled(long now, int most)
    {
        List<string> dialled = [];
        for (long at = now; dialled.Count < most && at < now + 60_000;)
        {
            ParentStep step = plan.Next(at);
            if (step.Target is { } target)
            {
                dialled.Add(target.Address.Authority);
                plan.Failed(target, at);
            }
            else
            {
                at += (long)step.Wait.TotalMilliseconds;
            }
        }

        return dialled;
    }
}
