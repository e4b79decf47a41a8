using Ote.Conformance.Statements;

namespace Ote.Tests.Conformance;

public sealed class StatementReaderTests
{
    [Fact]
    public void Statement_holds_its_here_document_and_is_named_by_its_first_line()
    {
        Statement read = Assert.Single(StatementReader.Read("apply", "# why\nkubectl apply -f - <<EOF | sort\na: b\nEOF\n"));
        Assert.Equal((StatementKind.Command, "kubectl apply -f - << | sort", "kubectl apply -f - <<EOF | sort\na: b\nEOF"), (read.Kind, read.Title, read.Shell));
    }

    [Fact]
    public void Line_that_stands_twice_is_two_commands() =>
        Assert.Equal(["get: kubectl get cm", "get: kubectl get cm (2)"], StatementReader.Read("get", "kubectl get cm\nkubectl get cm").Select(s => s.Name));

    [Fact]
    public void End_of_a_line_tells_the_runner_and_is_no_part_of_the_command()
    {
        IReadOnlyList<Statement> read = StatementReader.Read("w", "kubectl get cm -w &4\nkubectl wait x &\nkubectl events #new\nwait\necho a >b");
        Assert.Equal(["kubectl get cm -w", "kubectl wait x", "kubectl events", "wait", "echo a >b"], read.Select(s => s.Shell));
        Assert.Equal([(true, 4), (true, 0), (false, 0), (false, 0), (false, 0)], read.Select(s => (s.Background, s.Lines)));
        Assert.Equal(
            [StatementKind.Command, StatementKind.Command, StatementKind.Command, StatementKind.Wait, StatementKind.Preparation], read.Select(s => s.Kind));
        Assert.Equal((false, true), (read[2].Runs("old"), read[2].Runs("new")));
    }

    [Fact]
    public void Section_can_be_one_kubectls_alone() => Assert.All(StatementReader.Read("helm", "#!new\nhelm list\nkubectl get cm"), s => Assert.Equal("new", s.Only));

    [Theory]
    [InlineData("KUBE_EDITOR='sed -i s/a/b/' kubectl edit cm a", StatementKind.Command)]
    [InlineData("sed -i s/a/b/ kubectl.yaml", StatementKind.Preparation)]
    [InlineData("helm list", StatementKind.Command)]
    public void Command_is_what_runs_kubectl_or_helm(string line, StatementKind kind) => Assert.Equal(kind, Assert.Single(StatementReader.Read("x", line)).Kind);

    [Fact]
    public void Here_document_without_an_end_is_told_with_its_line() =>
        Assert.Contains("apply, line 2", Assert.Throws<FormatException>(() => StatementReader.Read("apply", "wait\nkubectl apply -f - <<EOF\na: b")).Message, StringComparison.Ordinal);
}
