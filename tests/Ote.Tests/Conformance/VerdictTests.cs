using Ote.Conformance.Comparing;
using Ote.Conformance.Reviewing;
using Ote.Conformance.Running;
using Ote.Conformance.Statements;

namespace Ote.Tests.Conformance;

public sealed class VerdictTests
{
    private static readonly LaneFacts s_lane = new("https://127.0.0.1:1", "/tmp/lane", DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch);
    private static readonly Statement s_get = new("get", StatementKind.Command, "kubectl get cm", "kubectl get cm");

    [Fact]
    public void Outcomes_are_compared_in_exit_code_output_and_error()
    {
        CommandOutcome real = new(0, "a\nb\nc\n", "");
        Assert.Empty(Between(real, real).Lines);
        Assert.Equal(["-b", "+x"], Between(real, real with { Out = "a\nx\nc\n" }).Lines);
        Assert.Equal(["-exit code 0", "+exit code 1"], Between(real, real with { ExitCode = 1 }).Lines);
        Assert.Equal(["+stderr:", "+oh"], Between(real, real with { Error = "oh\n" }).Lines);
    }

    [Fact]
    public void Only_exactly_the_reviewed_difference_is_reviewed()
    {
        Difference difference = new(["-a", "+b"]);
        Assert.Equal(Verdict.Reviewed, Comparison.Judge(difference, difference.Hash));
        Assert.Equal(Verdict.Different, Comparison.Judge(new(["-a", "+c"]), difference.Hash));
        Assert.Equal(Verdict.Different, Comparison.Judge(difference, ""));
        Assert.Equal(Verdict.Same, Comparison.Judge(new([]), ""));
        // An entry that no longer applies is a fault of the list.
        Assert.Equal(Verdict.Different, Comparison.Judge(new([]), difference.Hash));
    }

    [Fact]
    public void Command_counts_once_by_the_worst_of_its_runs()
    {
        Report report = new([
            new(s_get, "old", new([]), Verdict.Same, TimeSpan.Zero, ""),
            new(s_get, "new", new(["-a"]), Verdict.Different, TimeSpan.Zero, ""),
            new(s_get with { Title = "kubectl get svc" }, "old", new(["-a"]), Verdict.Reviewed, TimeSpan.Zero, ""),
        ]);
        Assert.Equal("""{"commands":2,"same":0,"reviewed":1,"different":1}""", report.ToJson().ToJsonString());
    }

    [Fact]
    public void Difference_is_none_where_the_real_server_alone_does_something_else_when_it_is_asked_again()
    {
        Comparison first = new(s_get, "new", new(["-taken", "+made"]), Verdict.Different, TimeSpan.Zero, "made");
        Comparison again = first with { Difference = new([]), Verdict = Verdict.Same };
        Assert.Equal(Verdict.Same, first.Or(again).Verdict);
        Assert.Equal(Verdict.Different, first.Or(again with { Embedded = "something else" }).Verdict); // what it does once and not another time is a fault of ours
        Assert.Equal(Verdict.Different, first.Or(again with { Verdict = Verdict.Different }).Verdict);
        Assert.Equal(Verdict.Different, first.Or(null).Verdict);
    }

    [Fact]
    public void List_is_renewed_with_what_was_seen_and_asks_for_the_reason_of_what_is_new()
    {
        ReviewedList list = ReviewedList.Read("""{"reasons":{"r":"so"},"differences":[{"command":"get: a","reason":"r","old":"0"},{"command":"get: gone","reason":"r","old":"0"}]}""");
        Difference one = new(["-a", "+b"]);
        string renewed = list.Renewed([("get: a", "old", one), ("get: a", "new", one), ("get: b", "new", one), ("get: gone", "old", new([]))]);
        Assert.Contains("'?'", Assert.Throws<FormatException>(() => ReviewedList.Read(renewed)).Message, StringComparison.Ordinal);
        ReviewedList again = ReviewedList.Read(renewed, unexplained: true);
        Assert.Equal([("get: a", "r"), ("get: b", "?")], again.Entries.Select(e => (e.Command, e.Reason)));
        Assert.Equal((one.Hash, one.Hash, ""), (again.Meant("get: a", "old"), again.Meant("get: a", "new"), again.Meant("get: b", "old")));
        Assert.Equal(["-a", "+b"], again.Entries[1].Excerpts["new"]);
    }

    private static Difference Between(CommandOutcome real, CommandOutcome embedded) => Difference.Of(real, s_lane, embedded, s_lane);
}
