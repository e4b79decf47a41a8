using CsCheck;
using Ote.Cluster.Budgets;
using Ote.Protocol.Tunnel;
using Ote.Tests.Cluster.Tunnel;

namespace Ote.Tests.Cluster.Budgets;

public sealed class LaneSharesTests
{
    private const int All = 0b11110;
    private const int MostBytes = 16_384;
    private static readonly Gen<int> Weight = Gen.Int[1, 50];

    [Fact]
    public void Busy_lanes_share_by_weight_whatever_the_sizes_of_their_messages_and_none_starves() =>
        Gen.Select(Gen.Select(Weight, Weight, Weight, Weight), Gen.Int[1, MostBytes].Array[50, 400]).Sample((weights, sizes) =>
        {
            var given = new LaneWeights(weights.Item1, weights.Item2, weights.Item3, weights.Item4);
            var shares = new LaneShares(given);
            var bytes = new long[Lanes.Count];
            foreach (var size in sizes)
            {
                var lane = shares.Next(All);
                shares.Sent(lane, size);
                bytes[lane] += size;
            }

            for (var a = 1; a < Lanes.Count; a++)
            {
                for (var b = 1; b < Lanes.Count; b++)
                {
                    var apart = ((double)bytes[a] / given.Of(a)) - ((double)bytes[b] / given.Of(b));
                    Assert.True(apart <= ((double)MostBytes / given.Of(a)) + 1e-6, $"lane {a} is {apart} bytes a weight ahead of lane {b}");
                }
            }
        });

    [Fact]
    public void A_lane_that_had_nothing_to_send_does_not_shut_the_others_out_afterwards()
    {
        var shares = new LaneShares(new LaneWeights(1, 1, 1, 1));
        for (var i = 0; i < 1000; i++)
        {
            shares.Sent(shares.Next(0b10000), 1000);
        }

        var turns = Enumerable.Range(0, 10).Select(_ =>
        {
            var lane = shares.Next(0b10010);
            shares.Sent(lane, 1000);
            return lane;
        }).ToArray();

        Assert.InRange(turns.Count(lane => lane == 1), 5, 6);
    }

    [Fact]
    public void Control_has_no_share_and_nobody_ready_is_nobodys_turn()
    {
        var shares = new LaneShares(new LaneWeights(4, 2, 1, 1));
        Assert.Equal(-1, shares.Next(0));
        Assert.Equal(-1, shares.Next(1));
        Assert.Equal(1, shares.Next(All | 1));
    }

    [Fact]
    public void Packets_carry_lanes_by_weight_and_control_before_all()
    {
        var pair = Filled(new LaneWeights(3, 1, 1, 1), Lane.Commands, Lane.Bulk);
        for (var packet = 0; packet < 20; packet++)
        {
            pair.Child.Send();
            pair.Parent.Receive();
        }

        Assert.InRange((double)pair.Parent.Texts(Lane.Commands).Count / pair.Parent.Texts(Lane.Bulk).Count, 2.8, 3.2);
        pair.Child.Queue(Lane.Control, "urgent");
        pair.Child.Send();
        pair.Parent.Receive();
        Assert.Equal(["urgent"], pair.Parent.Texts(Lane.Control));
    }

    [Fact]
    public void A_large_message_in_parts_shares_with_small_ones_and_arrives_whole()
    {
        var pair = new SessionPair();
        pair.Connect();
        pair.Child.Session.Weigh(new LaneWeights(1, 1, 1, 1));
        pair.Child.Queue(Lane.Bulk, new string('b', 200_000));
        for (var i = 0; i < 100; i++)
        {
            pair.Child.Queue(Lane.Reports, new string('r', 1000));
        }

        for (var packet = 0; packet < 6; packet++)
        {
            pair.Child.Send();
            pair.Parent.Receive();
        }

        Assert.InRange(pair.Parent.Texts(Lane.Reports).Count, 30, 70);
        pair.Settle();
        Assert.Equal(200_000, Assert.Single(pair.Parent.Texts(Lane.Bulk)).Length);
        Assert.Equal(100, pair.Parent.Texts(Lane.Reports).Count);
    }

    [Fact]
    public void Without_weights_the_more_urgent_lane_goes_first_as_ever()
    {
        var pair = Filled(null, Lane.Commands, Lane.Bulk);
        pair.Child.Send();
        pair.Parent.Receive();
        Assert.NotEmpty(pair.Parent.Texts(Lane.Commands));
        Assert.Empty(pair.Parent.Texts(Lane.Bulk));
    }

    private static SessionPair Filled(LaneWeights? weights, params Lane[] lanes)
    {
        var pair = new SessionPair(new Ote.Cluster.Tunnel.TunnelOptions { Window = 1000 });
        pair.Connect();
        pair.Child.Session.Weigh(weights);
        foreach (var lane in lanes)
        {
            for (var i = 0; i < 600; i++)
            {
                pair.Child.Queue(lane, new string('x', 500));
            }
        }

        return pair;
    }
}
