using Ote.Ctl;
using Ote.Ctl.Cli;

namespace Ote.Tests.Ctl.Cli;

public sealed class CommandLineTests
{
    [Theory]
    [InlineData("--command-namespace x apply -f x --to c1", "error: '--command-namespace' belongs to 'apply' and goes after it; see otectl apply --help\n")]
    [InlineData("join-token create --ttl 0s", "error: --ttl: '0s' is no duration from 1s to 3650d; write for example 30s, 5m, 1h30m or 7d; see otectl join-token create --help\n")]
    [InlineData("get clustres", "error: 'clustres' is not known here (did you mean clusters?); see otectl get --help\n")]
    [InlineData("describe c1", "error: 'c1' is not known here (did you mean otectl describe cluster c1?); see otectl describe --help\n")]
    [InlineData("get c1", "error: 'c1' is not known here (did you mean otectl get clusters c1?): no cluster reports such a kind; --report PLURAL.GROUP at a site has it shown here, and --cluster NAME asks that site itself; see otectl get --help\n")]
    [InlineData("get clusters --tga x", "error: '--tga' is not known here (did you mean --tag?); see otectl get clusters --help\n")]
    [InlineData("get clusters -o xml", "error: Argument 'xml' not recognized. Must be one of: 'wide' 'json' 'yaml' 'name'; see otectl get clusters --help\n")]
    [InlineData("apply --to c1 -f x --timeout soon", "error: --timeout: 'soon' is no duration from 1s to 3650d; write for example 30s, 5m, 1h30m or 7d; see otectl apply --help\n")]
    public async Task Wrong_usage_is_one_line_and_code_2(string arguments, string expected)
    {
        await using var world = await CtlWorld.StartAsync();
        var result = await world.RunAsync(arguments.Split(' ', StringSplitOptions.RemoveEmptyEntries));
        Assert.Equal((2, expected, ""), (result.Code, result.Error, result.Out));
    }

    [Theory]
    [InlineData("", "Usage:\n  otectl [command] [options]")]
    [InlineData("get", "Usage:\n  otectl get <KIND> [<NAME>] [command] [options]")]
    [InlineData("ca rotate", "continue")]
    public async Task Half_a_command_is_answered_with_its_help_and_code_2(string arguments, string expected)
    {
        await using var world = await CtlWorld.StartAsync();
        var result = await world.RunAsync(arguments.Split(' ', StringSplitOptions.RemoveEmptyEntries));
        Assert.Equal((2, ""), (result.Code, result.Out));
        Assert.Contains(expected, result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Help_shows_what_may_be_left_out_and_the_version_is_an_option_too()
    {
        await using var world = await CtlWorld.StartAsync();
        Assert.Contains("  pin <CLUSTER> [PARENT]  ", (await world.RunAsync("--help")).Out, StringComparison.Ordinal);
        var version = await world.RunAsync("--version");
        Assert.Equal((0, "otectl " + (await world.RunAsync("version", "--client")).Out["Client: ".Length..]), (version.Code, version.Out));
    }

    [Theory]
    [InlineData("/usr/local/bin/kubectl-ote", "kubectl ote")]
    [InlineData("/usr/local/bin/kubectl_complete-ote", "kubectl ote")]
    [InlineData("otectl", "otectl")]
    [InlineData("/x/otectl.dll", "otectl")]
    public void Name_follows_how_the_program_was_called(string argv0, string expected) => Assert.Equal(expected, Surroundings.NameFor(argv0));

    [Fact]
    public async Task As_a_plugin_texts_say_kubectl_ote()
    {
        await using var world = await CtlWorld.StartAsync();
        world.ProgramName = "kubectl ote";
        Assert.Contains("Usage:\n  kubectl ote get clusters [<NAME>...] [options]\n", (await world.RunAsync("get", "clusters", "--help")).Out, StringComparison.Ordinal);
        Assert.Contains("  kubectl ote get <KIND> [<NAME>] [command]", (await world.RunAsync("get")).Error, StringComparison.Ordinal);
        Assert.EndsWith("see kubectl ote get --help\n", (await world.RunAsync("get", "x")).Error, StringComparison.Ordinal);
        Assert.Contains("kubectl ote get clusters lists", (await world.RunAsync("accept", "x")).Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("get cl", "cluster\nclusters\n")]
    [InlineData("join-token r", "revoke\n")]
    [InlineData("get clusters --no", "--no-color\n")]
    [InlineData("describe cluster c", "c1\nc10\n")]
    [InlineData("accept c1 r", "root\n")]
    [InlineData("describe cluster w", "web-1\n")]
    [InlineData("completion z", "zsh\n")]
    [InlineData("get clusters -o j", "json\n")]
    public async Task Completion_knows_commands_options_and_names(string words, string expected)
    {
        await using var world = await CtlWorld.StartAsync();
        foreach (var name in (string[])["root", "c1", "c10", "web-1"])
        {
            await world.AddClusterAsync(name, null);
        }

        Assert.Equal(expected, (await world.RunAsync(["__complete", .. words.Split(' ')])).Out);
    }

    [Fact]
    public async Task Completion_of_an_empty_word_offers_what_may_follow_and_never_the_hidden_command()
    {
        await using var world = await CtlWorld.StartAsync();
        var lines = (await world.RunAsync("__complete", "")).Out.Split('\n');
        Assert.Contains("apply", lines);
        Assert.DoesNotContain("__complete", lines);
        Assert.Equal("create\nlist\nrevoke\n", (await world.RunAsync("__complete", "join-token", "")).Out);
    }

    [Theory]
    [InlineData("30s", 30)]
    [InlineData("1h30m", 5400)]
    [InlineData("7d", 604800)]
    public void Durations_are_read_and_written_back(string text, int seconds)
    {
        Assert.True(Durations.TryParse(text, out var duration));
        Assert.Equal(TimeSpan.FromSeconds(seconds), duration);
        Assert.Equal(text, Durations.Format(duration));
    }

    [Theory]
    [InlineData("")]
    [InlineData("5")]
    [InlineData("0s")]
    [InlineData("-5m")]
    [InlineData("5w")]
    [InlineData("99999999999s")]
    [InlineData("4000d")]
    public void Anything_else_is_no_duration(string text) => Assert.False(Durations.TryParse(text, out _));
}
