using System.CommandLine;
using Ote.Cli.Completion;

namespace Ote.Tests.Cli.Completion;

/// <summary>What a shell offers at Tab.</summary>
public sealed class CandidatesTests
{
    private static readonly string[] s_empty = [""];

    [Fact]
    public void Commands_are_offered_first_and_options_once_a_dash_is_typed()
    {
        var root = Root();
        Assert.Equal(["completion", "start", "stop"], Candidates.Of(root, s_empty).Order(StringComparer.Ordinal));
        Assert.Equal(["start", "stop"], Candidates.Of(root, ["st"]).Order(StringComparer.Ordinal));
        Assert.Equal(["--data"], Candidates.Of(root, ["start", "--d"]));
        Assert.Empty(Candidates.Of(root, ["start", ""]));
    }

    [Fact]
    public void What_stands_for_names_is_offered_whatever_is_typed()
    {
        var root = Root();
        var name = new Argument<string>("NAME");
        name.CompletionSources.Add(_ => [new(Candidates.Marker + "names")]);
        root.Subcommands.Single(command => command.Name == "stop").Add(name);
        Assert.Contains(Candidates.Marker + "names", Candidates.Of(root, ["stop", "x"]));
    }

    [Fact]
    public void A_script_speaks_of_its_program_alone()
    {
        foreach (var shell in CompletionScript.Shells)
        {
            var script = CompletionScript.Of(shell, "a-b", ["--data", "-f"]);
            Assert.Contains("a-b __complete", script, StringComparison.Ordinal);
            Assert.Contains("_a_b", script, StringComparison.Ordinal);
            Assert.DoesNotContain("PROGRAM", script, StringComparison.Ordinal);
            Assert.DoesNotContain("FUNCTION", script, StringComparison.Ordinal);
        }

        Assert.EndsWith("complete -c a-b -l data -r -F\ncomplete -c a-b -s f -r -F", CompletionScript.Of("fish", "a-b", ["--data", "-f"]), StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => CompletionScript.Of("csh", "a-b", []));
    }

    private static RootCommand Root() => new RootCommand { new Command("start") { new Option<string>("--data") }, new Command("stop") }.WithCompletion("a-b");
}
