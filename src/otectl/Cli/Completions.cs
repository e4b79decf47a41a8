using System.CommandLine.Completions;

namespace Ote.Ctl.Cli;

/// <summary>
/// What completes an argument whose values only the API server knows. The parser completes synchronously, so it answers with a marker
/// that the hidden completion command then replaces by names it fetches.
/// </summary>
internal static class Completions
{
    internal const string ClusterMarker = "\u0001clusters";
    internal const string CommandMarker = "\u0001commands";
    internal const string TokenMarker = "\u0001tokens";

    internal static IEnumerable<CompletionItem> Clusters(CompletionContext context) => [new(ClusterMarker)];

    internal static IEnumerable<CompletionItem> Commands(CompletionContext context) => [new(CommandMarker)];

    internal static IEnumerable<CompletionItem> Tokens(CompletionContext context) => [new(TokenMarker)];
}
