using System.CommandLine;
using Ote.Ctl.Cli;
using Ote.Kube.Client;
using Ote.Kube.Objects;

namespace Ote.Ctl.Setup;

/// <summary>The hidden <c>__complete</c> command: one candidate a line for the last of the words it is given. Never complains.</summary>
internal static class CompleteCommand
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    internal static Command Build(CommandRunner runner, Func<Command> root)
    {
        var words = new Argument<string[]>("WORD") { Arity = ArgumentArity.ZeroOrMore, CaptureRemainingTokens = true };
        return runner.Attach(
            new Command("__complete") { Hidden = true, TreatUnmatchedTokensAsErrors = false, Arguments = { words } },
            (run, cancellation) => RunAsync(run, root(), run.Typed.GetValue(words) ?? [], cancellation));
    }

    private static async Task<ExitCode> RunAsync(Invocation run, Command root, string[] words, CancellationToken cancellation)
    {
        var typed = words.Length == 0 ? "" : words[^1];
        // The parser drops what does not contain the typed word, and so would drop the markers: it is asked what may stand there at all.
        var line = string.Concat(words.SkipLast(1).Select(word => Quote(word) + " "));
        var parsed = root.Parse(line);
        var candidates = parsed.GetCompletions(line.Length).Select(item => item.InsertText ?? item.Label).Distinct(StringComparer.Ordinal);
        foreach (var candidate in candidates)
        {
            if (candidate[0] != '\u0001')
            {
                // Options are many: they are offered once a dash is typed.
                var wanted = candidate.StartsWith(typed, StringComparison.Ordinal) && candidate != "__complete" && !candidate.EndsWith(Kinds.Clusters.Group, StringComparison.Ordinal) && (candidate[0] != '-' || typed.Length > 0);
                run.Out.Write(wanted ? candidate + "\n" : "");
                continue;
            }

            using var named = new Invocation(run.World, run.Globals, parsed);
            foreach (var name in await NamesAsync(named, candidate, cancellation).ConfigureAwait(false))
            {
                run.Out.Write(name.StartsWith(typed, StringComparison.Ordinal) ? name + "\n" : "");
            }
        }

        return ExitCode.Ok;
    }

    private static async Task<IEnumerable<string>> NamesAsync(Invocation run, string marker, CancellationToken cancellation)
    {
        using var patience = new CancellationTokenSource(Patience, run.World.Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, patience.Token);
        var (kind, ns) = marker switch
        {
            Completions.ClusterMarker => (Kinds.Clusters, (string?)null),
            Completions.TokenMarker => (Kinds.JoinTokens, null),
            _ => (Kinds.ClusterControllers, run.Namespace),
        };
        try
        {
            var list = await run.Api.ListAsync(kind, ns, null, either.Token).ConfigureAwait(false);
            return list.Items.Select(item => item.Name()).Order(StringComparer.Ordinal);
        }
        catch (Exception trouble) when (Trouble.IsUnreachable(trouble) || trouble is KubeStatusException or KubeconfigException)
        {
            // A key was pressed, no command given: no candidates is the whole answer.
            return [];
        }
    }

    private static string Quote(string word) => word.Length == 0 ? "" : word.Contains(' ', StringComparison.Ordinal) ? $"\"{word}\"" : word;
}
