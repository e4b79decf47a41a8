using System.CommandLine;
using Ote.Cli;

namespace Ote.Tests.Cli;

/// <summary>What is typed wrong is told alike by every executable; otectl's own texts are in CommandLineTests.</summary>
public sealed class ExecutableTests
{
    [Theory]
    [InlineData("cluster-controller --data X --nosuch", "error: '--nosuch' is not known here; see ote cluster-controller --help\n")]
    [InlineData("cluster-controller --data X --listne 0.0.0.0:1", "error: '--listne' is not known here (did you mean --listen?); see ote cluster-controller --help\n")]
    [InlineData("cluster-controller --data X --log-level loud", "error: --log-level: 'loud' is none of Trace, Debug, Information, Warning and Error; see ote cluster-controller --help\n")]
    [InlineData("restore FILE", "error: Option '--data' is required; see ote restore --help\n")]
    [InlineData("restore --nosuch --data X", "error: '--nosuch' is not known here; see ote restore --help\n")]
    [InlineData("shim foo", "error: 'foo' is not known here; see ote shim --help\n")]
    [InlineData("shim k8z", "error: 'k8z' is not known here (did you mean k8s")]
    public async Task Wrong_usage_of_ote_is_one_line_and_code_2(string arguments, string expected) => await RefusedAsync(Ote.Roles.CommandLine.Build(), Ote.Roles.CommandLine.Name, arguments, expected);

    [Theory]
    [InlineData("up --nosuch", "error: '--nosuch' is not known here; see ./ote up --help\n")]
    [InlineData("up --clusters many", "error: --clusters: 'many' is no whole number; see ./ote up --help\n")]
    [InlineData("down", "error: 'down' is not known here (did you mean ./ote up down?); see ./ote --help\n")]
    public async Task Wrong_usage_of_up_is_one_line_and_code_2(string arguments, string expected) => await RefusedAsync(Ote.Center.CommandLine.Build(), Ote.Center.CommandLine.Name, arguments, expected);

    [Fact]
    public async Task Half_a_command_is_answered_with_its_help_and_code_2()
    {
        var (code, output, error) = await RunAsync(Ote.Roles.CommandLine.Build(), "ote", "shim");
        Assert.Equal((Executable.Usage, ""), (code, output));
        Assert.Contains("conformance", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("restore --help", "--data")]
    [InlineData("--help", "cluster-controller")]
    [InlineData("--version", ".")]
    public async Task What_is_asked_for_goes_to_standard_output(string arguments, string expected)
    {
        var (code, output, error) = await RunAsync(Ote.Roles.CommandLine.Build(), "ote", arguments);
        Assert.Equal((0, ""), (code, error));
        Assert.Contains(expected, output, StringComparison.Ordinal);
    }

    private static async Task RefusedAsync(Command root, string program, string arguments, string expected)
    {
        var (code, output, error) = await RunAsync(root, program, arguments);
        Assert.Equal((Executable.Usage, ""), (code, output));
        Assert.StartsWith(expected, error, StringComparison.Ordinal);
        Assert.Single(error.TrimEnd('\n').Split('\n'));
    }

    private static async Task<(int Code, string Out, string Error)> RunAsync(Command root, string program, string arguments)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        var configuration = new InvocationConfiguration { Output = output, Error = error, EnableDefaultExceptionHandler = false };
        var code = await Executable.RunAsync(root, program, arguments.Split(' '), configuration, TestContext.Current.CancellationToken);
        return (code, output.ToString(), error.ToString());
    }
}
