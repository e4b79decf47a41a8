using CsCheck;
using Ote.Cluster.Failover;

namespace Ote.Tests.Cluster.Failover;

public sealed class TreeStandingTests
{
    private static readonly TreePosition Top = new(7, 0);

    [Fact]
    public void ACluster_attachesOnlyBelowAHigherOne()
    {
        TreeStanding standing = At(new TreePosition(7, 1));
        Assert.Equal(new TreePosition(7, 2), standing.Tell());

        Assert.False(standing.TryAttach(new TreePosition(7, 2)));
        Assert.False(standing.TryAttach(new TreePosition(6, 0)));
        Assert.True(standing.TryAttach(new TreePosition(7, 1)));
        Assert.True(standing.TryAttach(new TreePosition(8, 30)));
        Assert.Equal(new TreePosition(8, 31), standing.Position);
    }

    [Fact]
    public void AClusterThatHasToldNobody_attachesAnywhere()
    {
        TreeStanding leaf = At(new TreePosition(7, 1));

        Assert.True(leaf.TryAttach(new TreePosition(6, 3)));
        Assert.Equal(new TreePosition(6, 4), leaf.Position);
    }

    [Fact]
    public void ALostCluster_keepsItsPosition()
    {
        TreeStanding standing = At(Top);

        standing.Detach();

        Assert.False(standing.IsAttached);
        Assert.False(standing.ParentRose(new TreePosition(9, 0)));
        Assert.Equal(new TreePosition(7, 1), standing.Position);
    }

    [Fact]
    public void AFrozenCluster_doesNotRiseWithItsParent_untilItMovesOrStays()
    {
        TreeStanding standing = At(Top);

        standing.Freeze();
        Assert.False(standing.ParentRose(new TreePosition(8, 0)));
        standing.Thaw();
        Assert.True(standing.ParentRose(new TreePosition(8, 0)));
        standing.Freeze();
        standing.TryAttach(new TreePosition(9, 3));

        Assert.True(standing.ParentRose(new TreePosition(10, 3)));
    }

    [Fact]
    public void AParentWithoutAParent_risesAboveAChildThatCallsItHome_andAboveNoOther()
    {
        TreeStanding orphan = At(Top);
        orphan.Detach();

        Assert.False(orphan.TryAdmit(orphan.Position, home: false));
        Assert.True(orphan.TryAdmit(new TreePosition(8, 4), home: true));
        Assert.Equal(new TreePosition(8, 3), orphan.Position);
    }

    [Fact]
    public void AChildAboveWhichNothingIs_isRefused_andTheParentDoesNotFall()
    {
        TreeStanding orphan = At(Top);
        TreePosition before = orphan.Position;
        orphan.Detach();

        Assert.False(orphan.TryAdmit(new TreePosition(ulong.MaxValue, 0), home: true));
        Assert.Equal(before, orphan.Position);
    }

    [Fact]
    public void AnAttachedParent_doesNotRiseForAChild()
    {
        TreeStanding parent = At(Top);

        Assert.False(parent.TryAdmit(new TreePosition(8, 4), home: true));
        Assert.Equal(new TreePosition(7, 1), parent.Position);
    }

    /// <summary>Whatever moves, restarts and beats happen in whatever order: following parents never comes back to where it began.</summary>
    [Fact]
    public void NoSequenceOfMoves_formsACycle() => Gen.Select(Gen.Int[3, 9], Gen.Int[0, 5].Select(Gen.Int[0, 8], Gen.Int[0, 8]).Array[1, 200]).Sample((size, steps) =>
    {
        Forest forest = new(size);
        foreach ((int what, int a, int b) in steps)
        {
            forest.Step(what, a % size, b % size);
            forest.AssertNoCycle();
        }
    });

    private static TreeStanding At(TreePosition parent)
    {
        TreeStanding standing = new();
        Assert.True(standing.TryAttach(parent));
        return standing;
    }

    /// <summary>Cluster 0 is the root. A move is two steps, so that others can come between: the welcome is read first and used later.</summary>
    private sealed class Forest
    {
        private readonly TreeStanding[] standings;
        private readonly int[] parents;
        private readonly (int Parent, TreePosition Position)[] welcomes;
        private ulong beat = 1;

        public Forest(int size)
        {
            standings = [.. Enumerable.Range(0, size).Select(_ => new TreeStanding())];
            parents = [.. Enumerable.Repeat(-1, size)];
            welcomes = new (int, TreePosition)[size];
            Array.Fill(welcomes, (-1, default));
            standings[0].Root(beat);
        }

        public void Step(int what, int a, int b)
        {
            switch (what)
            {
                case 0:
                    standings[0].Root(++beat);
                    break;
                case 1 when a != 0 && parents[a] < 0 && a != b && standings[b].TryAdmit(standings[a].Told, home: a > b):
                    welcomes[a] = (b, standings[b].Tell());
                    break;
                case 2 when welcomes[a].Parent >= 0:
                    if (parents[a] < 0 && standings[a].TryAttach(welcomes[a].Position)) parents[a] = welcomes[a].Parent;
                    welcomes[a] = (-1, default);
                    break;
                case 3 when parents[a] >= 0:
                    standings[a].ParentRose(standings[parents[a]].Tell());
                    break;
                case 4 when a != 0:
                    parents[a] = -1;
                    standings[a].Detach();
                    break;
                case 5 when a != 0: // a restart: its links are lost, and so is what it knew
                    parents[a] = -1;
                    standings[a] = new TreeStanding();
                    foreach (int child in Enumerable.Range(0, parents.Length).Where(c => parents[c] == a))
                    {
                        parents[child] = -1;
                        standings[child].Detach();
                    }

                    for (int c = 0; c < welcomes.Length; c++)
                    {
                        if (welcomes[c].Parent == a || c == a) welcomes[c] = (-1, default);
                    }

                    break;
            }
        }

        public void AssertNoCycle()
        {
            for (int start = 0; start < parents.Length; start++)
            {
                int at = start;
                for (int hops = 0; parents[at] >= 0; hops++)
                {
                    Assert.True(standings[parents[at]].Told.IsAbove(standings[at].Told), $"{at}, which told {standings[at].Told}, hangs below {parents[at]}, which told {standings[parents[at]].Told}");
                    Assert.True(hops <= parents.Length, $"a cycle through {start}");
                    at = parents[at];
                }
            }
        }
    }
}
