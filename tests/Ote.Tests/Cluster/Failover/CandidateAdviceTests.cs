using Ote.Cluster.Failover;
using Ote.Protocol.Tunnel;

namespace Ote.Tests.Cluster.Failover;

public sealed class CandidateAdviceTests
{
    [Fact]
    public void AThousandOrphans_fillTheirUnclesEvenly_countingWhatTheseHave()
    {
        Candidate[] uncles = [Uncle("u0", 100), Uncle("u1", 0), Uncle("u2", 500), Uncle("u3", 40)];
        CandidateAdvice advice = new(1000, uncles, null, []);

        Dictionary<string, int> load = uncles.ToDictionary(u => u.Name, u => (int)u.Children);
        for (int slot = 0; slot < 1000; slot++) load[advice.For(slot, $"c{slot}")[0].Name]++;

        Assert.Equal([380, 380, 500, 380], load.Values);
    }

    [Fact]
    public void AChild_isToldOfUncles_thenOfItsGrandparent_thenOfItsSiblings_neverOfItself()
    {
        CandidateAdvice advice = new(2, [Uncle("u0", 0), Uncle("u1", 0)], Uncle("g", 2), [Uncle("c0", 0), Uncle("c1", 0)]);

        Assert.Equal(["u0", "u1", "g", "c1"], advice.For(0, "c0").Select(c => c.Name));
        Assert.Equal(["u1", "u0", "g", "c0"], advice.For(1, "c1").Select(c => c.Name));
    }

    [Fact]
    public void ASiblingOfTheParent_orThatOnesParent_thatAsks_isNotSentToItself()
    {
        CandidateAdvice advice = new(1, [Uncle("north", 0), Uncle("east", 0)], Uncle("g", 2), [Uncle("c0", 0)]);

        Assert.Equal(["east", "g", "c0"], advice.For(0, "north").Select(c => c.Name));
        Assert.Equal(["north", "east", "c0"], advice.For(0, "g").Select(c => c.Name));
    }

    [Fact]
    public void AtTheRoot_thereAreOnlySiblings()
    {
        CandidateAdvice advice = new(3, [], null, [Uncle("c1", 0)]);

        Assert.Equal("c1", Assert.Single(advice.For(0, "c0")).Name);
        Assert.Empty(advice.For(1, "c1"));
    }

    [Fact]
    public void WhatIsTold_isBounded()
    {
        Candidate[] many = [.. Enumerable.Range(0, 500).Select(i => Uncle("n" + i, 0))];

        Assert.Equal(CandidateAdvice.Most, new CandidateAdvice(10, many, many[0], many).For(9, "x").Count);
    }

    private static Candidate Uncle(string name, uint children) => new() { Name = name, Address = name + ":1", Children = children };
}
