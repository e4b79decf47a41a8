using System.Text.Json.Nodes;

namespace Ote.SystemTests.Up;

/// <summary>One run of <c>up</c> that ends by itself.</summary>
internal static class UpRun
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(3);

    /// <summary>Runs the built <c>up</c> to its end, its root's API at a port of its own unless the arguments name one.</summary>
    public static Task<CommandResult> ToEndAsync(CancellationToken ct, params string[] arguments) => CommandLine.RunAsync(
        "dotnet",
        [Repository.Executable("ote-center"), "up", .. arguments.Contains("--api-port") ? [] : (string[])["--api-port", "0"], .. arguments],
        environment: null, input: null, Limit, ct);

    /// <summary>The object on the last line of standard output.</summary>
    public static JsonObject Report(CommandResult run) =>
        JsonNode.Parse(Lines(run.Out)[^1]) as JsonObject ?? throw new InvalidOperationException($"the last line is no object:\n{run.Out}");

    public static string[] Lines(string text) => text.Split('\n', StringSplitOptions.RemoveEmptyEntries);
}
