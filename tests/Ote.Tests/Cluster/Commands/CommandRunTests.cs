using CsCheck;
using Ote.Cluster.Commands;
using Ote.Protocol.Tunnel;

namespace Ote.Tests.Cluster.Commands;

public sealed class CommandRunTests
{
    [Theory]
    [InlineData(200, "", "Succeeded")]
    [InlineData(299, "", "Succeeded")]
    [InlineData(199, "", "Failed")]
    [InlineData(302, "", "Failed")]
    [InlineData(404, "", "Failed")]
    [InlineData(200, "TimedOut", "Failed")]
    [InlineData(0, "", "Failed")]
    public void Only_an_answer_of_200_to_299_without_an_error_is_a_success(int code, string error, string stage)
    {
        var run = Objects.Run("a");
        Assert.True(run.Take(Objects.Receipt("a", Stage.Executed, code, error)));
        Assert.Equal(stage, run.StageOf("a").ToString());
        Assert.True(run.IsOver);
    }

    [Fact]
    public void How_far_a_command_came_is_known_after_its_end_too()
    {
        var run = Objects.Run("lay", "left", "never", "bare", "ran");
        foreach (var cluster in new[] { "lay", "left", "bare", "ran" })
        {
            run.Sent(cluster);
        }

        run.Take(Objects.Receipt("lay", Stage.Durable, 0));
        run.Take(Objects.Receipt("bare", Stage.Executed, 0)); // nothing there could carry it out
        run.Take(Objects.Receipt("ran", Stage.Executed, 500));
        foreach (var end in run.End(Stage.Expired, "DeadlineExceeded", "", default))
        {
            run.Take(end, own: true);
        }

        Assert.Equal((4, 2, 1), (run.CameToSent, run.CameToDurable, run.CameToExecuted));
        Assert.Equal(
            [TargetStage.Durable, TargetStage.Sent, TargetStage.Accepted, TargetStage.Sent, null],
            new[] { "lay", "left", "never", "bare", "ran" }.Select(run.Reached));
    }

    [Fact]
    public void The_first_final_outcome_stays_whatever_comes_later()
    {
        var run = Objects.Run("a", "b");
        Assert.True(run.Take(Objects.Receipt("a", Stage.Executed, 200)));
        Assert.False(run.Take(Objects.Receipt("a", Stage.Executed, 200)));
        Assert.False(run.Take(Objects.Receipt("a", Stage.Executed, 500)));
        Assert.False(run.Take(Objects.Receipt("a", Stage.Expired)));
        Assert.False(run.Take(Objects.Receipt("a", Stage.Durable)));
        run.Sent("a");
        run.Restore("a", TargetStage.Failed, null);
        Assert.Equal(TargetStage.Succeeded, run.StageOf("a"));
        Assert.Equal(["b"], run.Open);
        Assert.False(run.IsOver);
    }

    [Fact]
    public void Receipts_out_of_order_never_lead_back()
    {
        var run = Objects.Run("a");
        Assert.False(run.Take(Objects.Receipt("a", Stage.Durable)));
        run.Sent("a");
        Assert.False(run.Take(Objects.Receipt("a", Stage.Sent)));
        Assert.Equal(TargetStage.Durable, run.StageOf("a"));
        Assert.False(run.NeedsSending("a"));
        Assert.True(run.Take(Objects.Receipt("a", Stage.Executed, 200)));
        Assert.False(run.Take(Objects.Receipt("a", Stage.Durable)));
        Assert.Equal(0, run.Count(TargetStage.Durable));
    }

    [Fact]
    public void A_receipt_of_a_cluster_that_is_no_target_is_nothing()
    {
        var run = Objects.Run("c1");
        Assert.False(run.Take(Objects.Receipt("c10", Stage.Executed, 200)));
        run.Sent("c10");
        run.Restore("c10", TargetStage.Succeeded, null);
        Assert.Null(run.StageOf("c10"));
        Assert.Equal(1, run.Targets);
    }

    [Fact]
    public void Expiry_ends_what_is_open_and_nothing_else()
    {
        var run = Objects.Run("done", "sent", "waiting");
        run.Take(Objects.Receipt("done", Stage.Executed, 200));
        run.Sent("sent");
        var ends = run.End(Stage.Expired, "DeadlineExceeded", "no answer", default);
        Assert.Equal(["sent", "waiting"], ends.Select(r => r.Cluster).Order());
        Assert.All(ends, r => Assert.Equal(("0123456789ab", 3UL, "root"), (r.CommandUid, r.Generation, r.Entry)));
        Assert.False(run.IsOver);
        Assert.All(ends, r => Assert.True(run.Take(r)));
        Assert.Equal((1, 2), (run.Count(TargetStage.Succeeded), run.Count(TargetStage.Expired)));
        Assert.True(run.IsOver);
        Assert.Empty(run.End(Stage.Expired, "", "", default));
    }

    [Fact]
    public void A_cancellation_ends_at_once_only_where_the_command_has_not_left()
    {
        var run = Objects.Run("sent", "waiting");
        run.Sent("sent");
        var ended = Assert.Single(run.End(Stage.Cancelled, "Cancelled", "", default, s => s == TargetStage.Accepted));
        Assert.Equal("waiting", ended.Cluster);
        Assert.True(run.Take(ended));
        Assert.True(run.NeedsSending("sent"));
        Assert.True(run.Take(Objects.Receipt("sent", Stage.Cancelled)));
        Assert.Equal(2, run.Count(TargetStage.Cancelled));
    }

    [Fact]
    public void After_a_restart_no_target_counts_as_one_that_the_command_never_left_for()
    {
        CommandRun run = new(Objects.Spec(), ["a"], Objects.Start, resumed: true);
        Assert.Empty(run.End(Stage.Cancelled, "Cancelled", "", default, s => s == TargetStage.Accepted));
        Assert.True(run.NeedsSending("a"));
    }

    [Fact]
    public void Once_cancelled_whoever_has_it_has_to_be_told()
    {
        var run = Objects.Run("durable", "done");
        run.Take(Objects.Receipt("durable", Stage.Durable));
        run.Take(Objects.Receipt("done", Stage.Executed, 200));
        Assert.False(run.Wants("durable"));
        run.Spec = run.Spec with { Cancel = true };
        Assert.True(run.Wants("durable"));
        Assert.False(run.Wants("done"));
    }

    [Fact]
    public void The_deadline_counts_from_acceptance()
    {
        CommandRun run = new(Objects.Spec(("deadlineSeconds", 60)), ["a"], Objects.Start);
        Assert.Equal(Objects.Start.AddSeconds(60), run.Deadline);
        Assert.Equal(Objects.Start + CommandSpec.DefaultDeadline, Objects.Run("a").Deadline);
    }

    [Fact]
    public void A_run_without_targets_is_over() => Assert.True(Objects.Run().IsOver);

    [Fact]
    public void Each_target_has_one_final_outcome_and_the_counts_add_up() =>
        Gen.Select(Gen.Int[0, 3], Gen.Int[0, 8], Gen.Int[0, 1]).Array[0, 40].Sample(events =>
        {
            var run = Objects.Run("t0", "t1", "t2");
            Dictionary<string, TargetStage?> ended = [];
            foreach (var (target, stage, good) in events)
            {
                string cluster = "t" + target;
                if (run.Take(Objects.Receipt(cluster, (Stage)stage, good == 1 ? 200 : 500)))
                {
                    ended.Add(cluster, run.StageOf(cluster));
                }
            }

            return ended.All(e => run.StageOf(e.Key) == e.Value)
                && Enum.GetValues<TargetStage>().Sum(run.Count) == 3
                && run.Open.Count() == 3 - ended.Count
                && run.IsOver == (ended.Count == 3);
        });
}
