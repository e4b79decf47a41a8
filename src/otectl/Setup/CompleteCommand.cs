using System.CommandLine;
using Ote.Cli.Completion;
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
        var words = CompletionCommands.WordsArgument();
        return runner.Attach(
            new Command(Candidates.Asked) { Hidden = true, TreatUnmatchedTokensAsErrors = false, Arguments = { words } },
            (run, cancellation) => RunAsync(run, root(), run.Typed.GetValue(words) ?? [], cancellation));
    }

    private static async Task<ExitCode> RunAsync(Invocation run, Command root, string[] words, CancellationToken cancellation)
    {
        var typed = words.Length == 0 ? "" : words[^1];
        foreach (var candidate in Candidates.Of(root, words))
        {
            if (candidate[0] != Candidates.Marker)
            {
                run.Out.Write(candidate.EndsWith(Kinds.Clusters.Group, StringComparison.Ordinal) ? "" : candidate + "\n");
                continue;
            }

            // What is chosen on the line so far, such as a kubeconfig, counts for names too.
            var parsed = root.Parse([.. words.SkipLast(1)]);
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
}
